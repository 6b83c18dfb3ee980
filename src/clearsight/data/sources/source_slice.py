"""Naming some images of a source: ``fashion-mnist:test[0:5]``, ``photos.zip:train[7]``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

_PATTERN = re.compile(
    r"(?P<source>.+):(?:(?P<part>train|validation|test)|\w+(?=\[))"
    r"(?:\[(?:(?P<start>-?\d*):(?P<stop>-?\d*)|(?P<index>-?\d+))\])?"
)


@dataclass(frozen=True)
class SourceSlice:
    """Some images of a source.

    Attributes:
        names: one an image, e.g. "fashion-mnist:test[3]".
        images: the images with their true labels.
    """

    names: tuple[str, ...]
    images: ImageSet


def is_source_slice(text: str) -> bool:
    """Tell whether `text` is meant as SOURCE:train[START:STOP], rightly written or not."""
    return _PATTERN.fullmatch(text) is not None


def load_source_slice(
    text: str, options_for: Callable[[str], SourceOptions | None] = lambda _: None
) -> SourceSlice:
    """Load the images that `text` names; the numbers count as in Python, negative ones too.

    Args:
        text: SOURCE:PART[START:STOP] or SOURCE:PART[INDEX], the source a name or a path.
        options_for: says how the images of a source are to be read, if not by default.

    Raises:
        DataError: when the form, the source or the numbers are wrong.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or match["part"] is None:
        raise DataError(
            f"A selection should look like fashion-mnist:train[7] or fashion-mnist:test[0:5], but "
            f"'{text}' was given."
        )
    source, part = match["source"], match["part"]
    images = load_splits(source, options_for(source)).parts.get(part)
    if images is None:
        raise DataError(f"'{source}' has no {part} images: select from {source}:train[...].")
    numbers = range(len(images))
    if match["index"]:
        index = int(match["index"])
        numbers = [numbers[index]] if -len(images) <= index < len(images) else []
    else:
        start, stop = (int(match[key]) if match[key] else None for key in ("start", "stop"))
        numbers = numbers[start:stop]
    if not numbers:
        raise DataError(
            f"'{text}' should name at least one of the {len(images):,} images numbered 0 to "
            f"{len(images) - 1}, but names none."
        )
    names = tuple(f"{source}:{part}[{number}]" for number in numbers)
    return SourceSlice(names, images.take(np.array(numbers)))
