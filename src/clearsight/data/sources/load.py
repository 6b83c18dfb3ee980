"""Loading a source by name or path, and the table of named sources.

To add a named source, add a file next to this one and a row to the table. Formats have their own
table.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from clearsight.data.decoding.decode import decode_listing
from clearsight.data.decoding.workers import ShowProgress, silent
from clearsight.data.formats import COLUMN_OPTIONS, check_options, detect_format, huggingface
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import Listing
from clearsight.data.preparation.colour import has_colour
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources import digits, fashion_mnist
from clearsight.data.sources.edits import edit_splits
from clearsight.data.sources.keywords import SourceKeywords
from clearsight.data.sources.options import TEST_FRACTION, SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.held_out_test import hold_out_test_set
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, did_you_mean
from clearsight.io.machine import memory_bytes
from clearsight.option_names import option


@dataclass(frozen=True)
class Source:
    """A named source.

    Attributes:
        name: what the user types.
        summary: what it is, in one line.
        locate: returns where its files are, or None if they must be downloaded.
        load: returns its images; both take an optional folder (``--data-dir``).
        recipe: its default recipe.
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
            "70,000 images of clothing, ten classes, 28x28 grey",
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


def default_recipe(source: str) -> str:
    """Return the default recipe for a source's name or path."""
    return SOURCES[source].recipe if source in SOURCES else "strong"


def is_source_name(text: str) -> bool:
    """Return whether `text` is the name of a source, here or on the Hugging Face Hub."""
    return text in SOURCES or text.startswith(huggingface.NAME_PREFIX)


def must_be_downloaded(source: str, options: SourceOptions) -> bool:
    """Return whether loading a source would use the network, or may."""
    if source in SOURCES:
        # With a given folder nothing is downloaded: if the files are not there, loading fails.
        return options.data_dir is None and SOURCES[source].locate(None) is None
    return is_source_name(source)  # the library that loads it decides


def resolve_source(source: str) -> str:
    """Return a source's name unchanged, or its absolute path.

    Raises:
        DataError: when it is neither; the message suggests the nearest name.
    """
    if is_source_name(source):
        return source
    if os.path.lexists(source):
        return str(Path(source).resolve())
    raise DataError(
        f"The source should be one of {', '.join(SOURCES)}, or a folder or file of images, but "
        f"'{source}' is neither.{did_you_mean(source, SOURCES)} "
        "`clearsight data list` shows what can be read."
    )


def load_splits(
    source: str,
    options: SourceOptions | None = None,
    show_progress: ShowProgress = silent,
) -> Splits:
    """Load a source by its name from ``clearsight data list``, or by its path.

    Raises:
        DataError: when the source is unknown or cannot be loaded.
    """
    options = options or SourceOptions()
    splits = _load(source, options, show_progress).with_pixel_range(options.pixel_range)
    return edit_splits(splits, options)


def _load(source: str, options: SourceOptions, show_progress: ShowProgress) -> Splits:
    if source in SOURCES:
        check_options(options, (), f"The source '{source}'")
        found = SOURCES[source].load(options.data_dir)
        return _resize(hold_out_test_set(found, options.test_split, TEST_FRACTION), options)
    name = resolve_source(source)
    if options.data_dir is not None:
        raise DataError(f"{source} is a path and takes no {option('data_dir')}.")
    if is_source_name(name):
        check_options(options, COLUMN_OPTIONS, name)
        found = huggingface.open_named(name, options)
    else:
        row = detect_format(Path(name))
        check_options(options, row.options, f"{source} ({row.name})")
        found = row.open(Path(name), options)
    if isinstance(found, Listing):
        return decode_listing(found, options, show_progress)
    found, options = _with_channels(found, options)
    return _resize(hold_out_test_set(found, options.test_split, TEST_FRACTION), options)


def _with_channels(splits: Splits, options: SourceOptions) -> tuple[Splits, SourceOptions]:
    """Decide, as for image files, that arrays of colours are grey if no pixel has a colour."""
    parts = splits.parts.values()
    is_open = options.channels == "auto" and splits.train.image_shape[2] == len("RGB")
    # As one channel they are kept in memory, where an array that is mapped from disk need not fit.
    grey_bytes = sum(images.images.size for images in parts) // len("RGB")
    if not is_open or grey_bytes > memory_bytes() or any(has_colour(each.images) for each in parts):
        return splits, options
    why = f"1 channel, as all are grey, although they are stored in colours ({option('channels')})."
    report = replace(splits.load_report, decisions=(*splits.load_report.decisions, why))
    return replace(splits, load_report=report), options.model_copy(update={"channels": 1})


def _resize(splits: Splits, options: SourceOptions) -> Splits:
    """Resize the images of every part if the options ask for another size or channels."""
    height, width, channels = splits.train.image_shape
    size = options.image_size or (height, width)
    wanted = channels if options.channels == "auto" else options.channels
    if (*size, wanted) == (height, width, channels):
        return splits
    preparation = Preparation(*size, wanted, resize=options.resize)
    return replace(
        splits, **{part: _fit(images, preparation) for part, images in splits.parts.items()}
    )


def _fit(images: ImageSet, preparation: Preparation) -> ImageSet:
    shape = (len(images), *preparation.image_shape)
    if math.prod(shape) > memory_bytes():
        raise DataError(
            f"The images should fit into memory, but {len(images):,} of "
            f"{preparation.height}x{preparation.width} take {math.prod(shape):,} bytes: choose a "
            f"smaller {option('image_size')}."
        )
    fitted = np.empty(shape, dtype=np.uint8)
    for row, image in enumerate(images.images):
        fitted[row] = preparation.fit_image(image)
    fitted.flags.writeable = False  # `ImageSet` copies what can be written to
    return replace(images, images=fitted)


def load_data(source: Any, **options: Unpack[SourceKeywords]) -> Splits:
    """Load the images of a source.

    They unpack as Keras's: ``(x, y), (x_test, y_test) = load_data(...)``, or ``train, test = ...``;
    a validation set of the source's own is the attribute `validation`.

    Args:
        source: a name from ``clearsight data list``, the path of a folder or file of images, or
            an object that `clearsight.train` takes.
        **options: the fields of `SourceOptions`: data_dir, image_size, resize, channels, ...

    Raises:
        DataError: when the source is unknown or cannot be loaded.
        RequestError: when options are unknown or out of range.

    Example:
        >>> train, test = load_data("digits")
        >>> train.images.shape, train.images.dtype
        ((1438, 8, 8, 1), dtype('uint8'))
    """
    given: dict[str, Any] = {**options}
    checked = SourceOptions(**given)
    if isinstance(source, str | os.PathLike):
        return load_splits(os.fspath(source), checked)
    return splits_from_object(source, checked)
