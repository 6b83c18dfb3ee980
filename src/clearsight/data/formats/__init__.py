"""Formats of images on disk: the table of formats, recognized by a path's name and content.

To add one: a file next to this one and a row here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.formats import archive, arrays, cifar, folder, huggingface, idx, table
from clearsight.data.formats.unknown_file import unknown_file
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.options import option_fields

COLUMN_OPTIONS = ("image_column", "label_column", "split_column", "group_column", "class_names")
TABLE_OPTIONS = (*COLUMN_OPTIONS, "header")
FOLDER_OPTIONS = ("label_pattern", "nested_classes", "class_folders", "class_names")
_FORMAT_OPTIONS = tuple(dict.fromkeys((*TABLE_OPTIONS, *FOLDER_OPTIONS, "follow_links")))


@dataclass(frozen=True)
class DataFormat:
    """A format in which images are stored on disk.

    Attributes:
        name: its name.
        summary: a description in one line.
        matches: returns whether an existing path has this format, by its name and first bytes.
        open: reads it; returns a `Listing` if images are still to be decoded, `Splits` if they are
            arrays already.
        options: which of the options for some formats it supports; others are refused.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    open: Callable[[Path, SourceOptions], Listing | Splits]
    options: tuple[str, ...] = ("class_names",)


# The first row that matches a path opens it.
FORMATS: tuple[DataFormat, ...] = (
    DataFormat(
        "arrays",
        "a .npz file with x and y, x_train and y_train, images and labels, ...; or .npy files",
        arrays.matches,
        arrays.open_array_files,
    ),
    DataFormat(
        "idx",
        "MNIST's files: a folder with train-images-idx3-ubyte[.gz] and so on, or one of them",
        idx.matches,
        idx.open_idx,
    ),
    DataFormat(
        "cifar",
        "CIFAR-10 or CIFAR-100, binary version: a folder, or cifar-10-binary.tar.gz",
        cifar.matches,
        cifar.open_cifar,
    ),
    DataFormat(
        "huggingface",
        "a folder saved with save_to_disk of `datasets`, or a folder of Parquet files",
        huggingface.matches,
        huggingface.open_saved,
        COLUMN_OPTIONS,
    ),
    DataFormat(
        "table",
        "a .csv, .tsv or .parquet file with labels and with paths, encoded images or pixels",
        table.matches,
        table.open_table,
        (*TABLE_OPTIONS, "follow_links"),
    ),
    DataFormat(
        "archive",
        "class folders inside a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file, not unpacked",
        archive.matches,
        archive.open_archive,
        FOLDER_OPTIONS,
    ),
    DataFormat(
        "folder",
        "a folder with one folder of images for each class, optionally in train/, val/ and test/",
        folder.matches,
        folder.open_folder,
        (*FOLDER_OPTIONS, "follow_links"),
    ),
)


def check_options(options: SourceOptions, supported: Sequence[str], source: str) -> None:
    """Check that only options are given that a source supports.

    A user would believe that an ignored option, such as a split by groups, was applied.

    Raises:
        DataError: listing the options that are not supported.
    """
    fields = {each.name: each for each in option_fields(SourceOptions)}
    ignored = [
        fields[name].shown
        for name in _FORMAT_OPTIONS
        if name not in supported and getattr(options, name) != fields[name].field.default
    ]
    if ignored:
        known = [fields[name].shown for name in supported]
        raise DataError(
            f"{source} takes {', '.join(known) or 'no option of folders or tables'}, but "
            f"{', '.join(ignored)} was given: leave it out, or give a folder or table with it."
        )


def detect_format(path: Path) -> DataFormat:
    """Return the format of an existing path.

    Raises:
        DataError: when it has none of the formats.
    """
    for row in FORMATS:
        if row.matches(path):
            return row
    raise unknown_file(path)
