"""`Shelf`: the bundles of a server by name, and how one is replaced while it answers."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from clearsight.bundle.bundle import Bundle, load
from clearsight.bundle.files import bundle_path, is_bundle
from clearsight.bundle.parity import check_parity
from clearsight.errors import ClearsightError, RequestError
from clearsight.serving.admission import image_room
from clearsight.serving.hosted import HostedBundle
from clearsight.serving.http_error import HttpError
from clearsight.serving.metrics import Metrics
from clearsight.serving.settings import ServerSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """A bundle to serve.

    Attributes:
        name: by which requests ask for it.
        path: its folder or .zip; it is watched.
        bundle: what lies there.
    """

    name: str
    path: Path
    bundle: Bundle


def opened_offers(places: list[str], num_threads: int) -> tuple[Offer, ...]:
    """Open what the user named.

    Args:
        places: each PATH or NAME=PATH of a bundle, or of a run that has one.
        num_threads: processor threads of each network.

    Raises:
        RequestError: when two have one name, or a name does not fit into an address.
        BundleError: when one cannot be opened or does not give what its network gave.
    """
    offers: dict[str, Offer] = {}
    for place in places:
        given, path = _name_and_path(place)
        bundle = checked_bundle(path, num_threads)
        name = given or bundle.name
        if not _NAME.fullmatch(name):
            raise RequestError(
                "A bundle's name should have letters, digits, dots, dashes and underscores alone, "
                f"but is '{name}': name it otherwise with NAME={path}."
            )
        if name in offers:
            raise RequestError(
                f"Bundles should have different names, but {offers[name].path} and {path} are both "
                f"'{name}': name one otherwise with NAME=PATH."
            )
        offers[name] = Offer(name, path, bundle)
    return tuple(offers.values())


def checked_bundle(path: Path, num_threads: int) -> Bundle:
    """Open a bundle and replay its images, which also warms it up.

    Raises:
        BundleError: when it is not whole, or does not give what its network gave.
    """
    bundle = load(path, num_threads=num_threads)
    check_parity(bundle)
    return bundle


class Shelf:
    """The bundles that a server has; used on the event loop alone."""

    def __init__(
        self, offers: tuple[Offer, ...], settings: ServerSettings, metrics: Metrics
    ) -> None:
        """Take the bundles; see `start`."""
        self._settings = settings
        self._metrics = metrics
        # More threads than cores decode nothing faster, and large images take half a gigabyte.
        self._decoders = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decoder")
        self._rooms = {offer.name: image_room(settings.max_queue) for offer in offers}
        self._hosted = {offer.name: self._host(offer.name, offer.bundle) for offer in offers}
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to answer, on the running event loop."""
        for hosted in self._hosted.values():
            hosted.start()

    async def close(self) -> None:
        """Answer what waits, then end."""
        await asyncio.gather(*(hosted.close() for hosted in self._hosted.values()), *self._closing)
        self._decoders.shutdown(wait=False)

    @property
    def hosted(self) -> tuple[HostedBundle, ...]:
        """All of them."""
        return tuple(self._hosted.values())

    def find(self, name: str, version: str | None = None) -> HostedBundle:
        """Return the bundle of a name, the one that is there now.

        Raises:
            HttpError: 404 when there is none, or it is of another version by now.
        """
        hosted = self._hosted.get(name)
        if hosted is None or version not in (None, hosted.version):
            raise HttpError(
                404,
                "no_such_model",
                "There should be a model of that name and version, but is none: /v1/models lists "
                "them.",
            )
        return hosted

    async def replace(self, name: str, path: Path) -> None:
        """Open what lies at a place now and answer with it from now on.

        What the older one was asked, it answers. When the new one cannot be used, the older one
        stays.
        """
        try:
            bundle = await asyncio.to_thread(checked_bundle, path, self._settings.network_threads)
        except ClearsightError as error:
            self._metrics.reloads.labels(name, "refused").inc()
            _log.warning("%s: a replacement was refused, the older one stays: %s", name, error)
            return
        older, newer = self._hosted[name], self._host(name, bundle)
        if newer.version == older.version:
            return
        newer.start()
        self._hosted[name] = newer
        self._metrics.reloads.labels(name, "taken").inc()
        _log.warning("%s: replaced version %s by %s", name, older.version, newer.version)
        closing = asyncio.create_task(older.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _host(self, name: str, bundle: Bundle) -> HostedBundle:
        room = self._rooms[name]
        return HostedBundle(name, bundle, room, self._decoders, self._settings, self._metrics)


def _name_and_path(place: str) -> tuple[str | None, Path]:
    name, mark, rest = place.partition("=")
    if mark and not os.path.lexists(place):
        return name, _bundle_path(Path(rest))
    return None, _bundle_path(Path(place))


def _bundle_path(path: Path) -> Path:
    within = bundle_path(path)
    return within if not is_bundle(path) and is_bundle(within) else path
