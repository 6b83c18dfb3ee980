"""The one table of data sources. To add one: a file beside this one and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clearsight.data import digits, fashion_mnist
from clearsight.data.imageset import ImageSet, Splits
from clearsight.errors import DataError, did_you_mean


@dataclass(frozen=True)
class Source:
    """Where data comes from.

    Attributes:
        name: what the user types.
        summary: what it is, in one line.
        locate: says where the data lies, or None when it must be fetched first.
        load: gives the pictures; both take an optional folder (``--data-dir``).
        recipe: the recipe that ``train`` uses for it by default.
    """

    name: str
    summary: str
    locate: Callable[[Path | None], str | None]
    load: Callable[[Path | None], Splits]
    recipe: str = "strong"


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "fashion-mnist",
            "70,000 pictures of clothing, ten classes, 28x28 grey",
            fashion_mnist.locate,
            fashion_mnist.load,
            recipe="lesson",
        ),
        Source(
            "digits",
            "1,797 scans of handwritten digits, ten classes, 8x8 grey",
            digits.locate,
            digits.load,
            recipe="lesson",
        ),
    )
}


def find_source(name: str) -> Source:
    """Return the source called `name`.

    Raises:
        DataError: when there is none, with the nearest name.
    """
    if name in SOURCES:
        return SOURCES[name]
    raise DataError(
        f"The source should be one of {', '.join(SOURCES)}, but '{name}' was given."
        f"{did_you_mean(name, SOURCES)} "
        "`clearsight data list` shows them all."
    )


def load_data(source: str, data_dir: str | Path | None = None) -> tuple[ImageSet, ImageSet | None]:
    """Load a source by name.

    Args:
        source: a name from ``clearsight data list``.
        data_dir: a folder that holds the source's files; None looks in the usual places.

    Returns:
        The training pictures and the test pictures (None where the source has none).

    Raises:
        DataError: when the source is unknown or its data cannot be had.

    Example:
        >>> train, test = load_data("digits")
        >>> train.images.shape, train.images.dtype
        ((1438, 8, 8, 1), dtype('uint8'))
    """
    splits = find_source(source).load(Path(data_dir) if data_dir is not None else None)
    return splits.train, splits.test
