"""The one table of formats: what a path can hold, told by its look.

To add one: a file beside this one and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.formats import (
    archive,
    arrays,
    cifar,
    folder,
    huggingface,
    idx_files,
    table,
)
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError


@dataclass(frozen=True)
class Format:
    """A form in which images lie on disk.

    Attributes:
        name: what it is called.
        summary: what it looks like, in one line.
        matches: tells by name and first bytes whether a path that exists has this form.
        reads: the options of content that it heeds; others are refused when given.
        open: reads it; a `Listing` where images are still to be decoded, `Splits` where they are
            arrays already.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    open: Callable[[Path, SourceOptions], Listing | Splits]
    reads: tuple[str, ...] = ("class_names",)


COLUMNS = ("image_column", "label_column", "split_column", "group_column")
TABLE_OPTIONS = (*COLUMNS, "class_names")

# A path is opened by the first row that matches.
FORMATS: tuple[Format, ...] = (
    Format(
        "arrays",
        "a .npz file with x and y, x_train and y_train, images and labels, ...; or .npy files",
        arrays.matches,
        arrays.open_arrays,
    ),
    Format(
        "idx",
        "MNIST's files: train-images-idx3-ubyte[.gz] and so on, in a folder or by one of them",
        idx_files.matches,
        idx_files.open_idx,
    ),
    Format(
        "cifar",
        "CIFAR-10 or CIFAR-100, binary version: its folder, or cifar-10-binary.tar.gz",
        cifar.matches,
        cifar.open_cifar,
    ),
    Format(
        "huggingface",
        "a folder that `datasets` saved with save_to_disk, or one of Parquet files",
        huggingface.matches,
        huggingface.open_saved,
        reads=TABLE_OPTIONS,
    ),
    Format(
        "table",
        "a .csv, .tsv or .parquet file with a label and a path, an encoded image or its pixels",
        table.matches,
        table.open_table,
        reads=TABLE_OPTIONS,
    ),
    Format(
        "archive",
        "class folders inside a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file, never unpacked",
        archive.matches,
        archive.open_archive,
    ),
    Format(
        "folder",
        "a folder with a folder of images for each class, in train/, val/ and test/ or not",
        folder.matches,
        folder.open_folder,
    ),
)


def check_options(options: SourceOptions, reads: Sequence[str], source: str) -> None:
    """Make sure that no option is given which a source does not heed.

    A split by groups that is asked for and not made would be believed.

    Raises:
        DataError: naming those that are.
    """
    given = [name for name in TABLE_OPTIONS if getattr(options, name) is not None]
    unheeded = [f"--{name.replace('_', '-')}" for name in given if name not in reads]
    if unheeded:
        known = [f"--{name.replace('_', '-')}" for name in reads]
        raise DataError(
            f"{source} takes {', '.join(known) or 'no option of columns or class names'}, but "
            f"{', '.join(unheeded)} was given: leave it out, or give a table."
        )


def format_of(path: Path) -> Format:
    """Return the format of a path that exists.

    Raises:
        DataError: when it has none of them.
    """
    for row in FORMATS:
        if row.matches(path):
            return row
    raise DataError(
        f"{path} should be {', '.join(row.summary for row in FORMATS[:-1])}, or "
        f"{FORMATS[-1].summary}, but looks like none of these."
    )
