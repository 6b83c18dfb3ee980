"""Loading a slice of a source, e.g. ``fashion-mnist:test[0:5]``."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

_PATTERN = re.compile(
    r"(?P<source>.+):(?:(?P<part>train|validation|test)|\w+(?=\[))"
    r"(?:\[(?:(?P<start>-?\d*):(?P<stop>-?\d*)|(?P<index>-?\d+))\])?"
)


def is_source_slice(text: str) -> bool:
    """Return whether `text` has the form of SOURCE:PART[START:STOP], whether or not it exists."""
    return _PATTERN.fullmatch(text) is not None


def load_source_slice(
    text: str, options_for: Callable[[str], SourceOptions | None] = lambda _: None
) -> ImageSet:
    """Load SOURCE:PART[START:STOP] or SOURCE:PART[INDEX], the source a name or a path.

    Indices are those of Python, negative ones included; the images get names such as
    "fashion-mnist:test[3]". `options_for` returns the options for a source.

    Raises:
        DataError: when the form, the source or the indices are wrong.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or match["part"] is None:
        raise DataError(
            "A slice of a source should look like fashion-mnist:train[7] or "
            f"fashion-mnist:test[0:5], but '{text}' was given."
        )
    source, part = match["source"], match["part"]
    images = load_splits(source, options_for(source)).parts.get(part)
    if images is None:
        raise DataError(f"'{source}' has no {part} images: use {source}:train[...].")
    indices = range(len(images))
    if match["index"]:
        index = int(match["index"])
        indices = [indices[index]] if -len(images) <= index < len(images) else []
    else:
        start, stop = (int(match[key]) if match[key] else None for key in ("start", "stop"))
        indices = indices[start:stop]
    if not indices:
        raise DataError(
            f"'{text}' should select at least one of the {len(images):,} images 0 to "
            f"{len(images) - 1}, but selects none."
        )
    names = tuple(f"{source}:{part}[{index}]" for index in indices)
    return replace(images.take(np.array(indices)), names=names)
