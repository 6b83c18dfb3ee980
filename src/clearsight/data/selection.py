"""Naming some pictures of a source: ``fashion-mnist:test[0:5]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.imageset import ImageSet
from clearsight.data.sources import find_source
from clearsight.errors import DataError

_PATTERN = re.compile(
    r"(?P<source>[\w-]+):(?P<part>train|test)"
    r"(?:\[(?:(?P<start>\d*):(?P<stop>\d*)|(?P<index>\d+))\])?"
)


@dataclass(frozen=True)
class Selection:
    """Some pictures of a source.

    Attributes:
        names: one a picture, e.g. "fashion-mnist:test[3]".
        images: the pictures with their true labels.
    """

    names: tuple[str, ...]
    images: ImageSet


def is_selection(text: str) -> bool:
    """Tell whether `text` has the form SOURCE:train|test[START:STOP]."""
    return _PATTERN.fullmatch(text) is not None


def select(text: str, data_dir: Path | None = None) -> Selection:
    """Load the pictures that `text` names; the numbers count as Python slices do.

    Raises:
        DataError: when the form, the source or the numbers are wrong.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise DataError(
            f"A selection should look like fashion-mnist:test[0:5], but '{text}' was given."
        )
    source, part = match["source"], match["part"]
    splits = find_source(source).load(data_dir)
    images = splits.train if part == "train" else splits.test
    if images is None:
        raise DataError(f"'{source}' has no test pictures: select from {source}:train[...].")
    if match["index"]:
        start, stop = int(match["index"]), int(match["index"]) + 1
    else:
        start, stop = int(match["start"] or 0), int(match["stop"] or len(images))
    stop = min(stop, len(images))
    if start >= stop:
        raise DataError(
            f"'{text}' should name at least one of the {len(images):,} pictures numbered 0 to "
            f"{len(images) - 1}, but names none."
        )
    names = tuple(f"{source}:{part}[{number}]" for number in range(start, stop))
    return Selection(names, images.take(slice(start, stop)))
