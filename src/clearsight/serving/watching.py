"""Noticing that a bundle on disk was replaced."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from clearsight.bundle.files import is_bundle
from clearsight.serving.shelf import Offer, Shelf

_SECONDS_BETWEEN_LOOKS = 0.5

Look = tuple[tuple[str, int, int, int], ...]


async def watch(offers: tuple[Offer, ...], shelf: Shelf) -> None:
    """Look at the bundles' files again and again, and have those replaced that changed.

    A change is taken up once two looks are alike, so that a copy that is under way is left to end.
    What was refused is tried again when it changes again.
    """
    known = {offer.name: look_of(offer.path) for offer in offers}
    last = dict(known)
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        for offer in offers:
            # A disk that does not answer must not keep requests from being answered.
            look = await asyncio.to_thread(look_of, offer.path)
            is_steady = look == last[offer.name]
            last[offer.name] = look
            if look and is_steady and look != known[offer.name]:
                known[offer.name] = look
                await shelf.replace(offer.name, offer.path)


def look_of(path: Path) -> Look:
    """Return names, sizes, times and numbers of a bundle's files; nothing while it is not there."""
    try:
        if not is_bundle(path):
            return ()
        if path.is_file():
            return (_entry("", path.stat()),)
        with os.scandir(path) as entries:
            return tuple(sorted(_entry(entry.name, entry.stat()) for entry in entries))
    except OSError:  # it is being replaced just now
        return ()


def _entry(name: str, status: os.stat_result) -> tuple[str, int, int, int]:
    return name, status.st_size, status.st_mtime_ns, status.st_ino
