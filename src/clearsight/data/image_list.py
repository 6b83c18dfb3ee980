"""CSV files that list images: `data check` writes them, users edit them, `train` reads them.

Their columns name, part and index say which image a row is about; others depend on the file.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.image_set import ImageSet
from clearsight.errors import DataError
from clearsight.io.csv_file import write_csv
from clearsight.io.csv_rows import bounded_lines, from_cell
from clearsight.io.readable_name import readable_name
from clearsight.io.regular_file import open_regular

KEY_COLUMNS = ("name", "part", "index")


@dataclass(frozen=True)
class ListedImage:
    """A row of a list of images.

    Attributes:
        name: the image's name, "" if its source has none.
        part: "train", "validation" or "test"; "" if the list does not say.
        index: its index in that part; -1 if the list does not say.
        line: the line of the file.
        values: the other cells by column, without white space around them.
    """

    name: str
    part: str
    index: int
    line: int
    values: Mapping[str, str]


def write_image_list(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | int | float]]
) -> None:
    """Write a list of images.

    Raises:
        OutputError: when the file cannot be written.
    """
    write_csv(columns, rows, path)


def read_image_list(path: str | Path, columns: Sequence[str], source: str) -> list[ListedImage]:
    """Read a list of images.

    Args:
        path: the file.
        columns: those that it must have; others may be missing.
        source: the command that writes such a file, for messages.

    Raises:
        DataError: when it cannot be read, lacks a column, or an index is no number.
    """
    expected = f"{path} should be a CSV file that lists images, but"
    try:
        # Excel writes a byte order mark, and a file name may hold bytes that are not UTF-8.
        text: Any = {"newline": "", "encoding": "utf-8-sig", "errors": "surrogateescape"}
        with io.TextIOWrapper(open_regular(Path(path)), **text) as file:
            reader = csv.DictReader(bounded_lines(file), restval="")
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path} should have the columns {', '.join(columns)}, but has no "
                    f"{', '.join(missing)}: write it again with `{source}`."
                )
            return list(_listed_images(path, reader))
    except FileNotFoundError as error:
        raise DataError(f"{expected} there is no such file.") from error
    except OSError as error:
        raise DataError(f"{expected} cannot be read: {error.strerror}.") from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"{expected} cannot be read: {error}.") from error


def _listed_images(path: str | Path, reader: "csv.DictReader[str]") -> Iterator[ListedImage]:
    for row in reader:
        values = {
            key: from_cell(cell).strip() for key, cell in row.items() if isinstance(cell, str)
        }
        name, part, index = (readable_name(values.pop(column, "")) for column in KEY_COLUMNS)
        try:
            number = int(index or -1)
        except ValueError as error:
            raise DataError(
                f"Line {reader.line_num} of {path} should have the image's index, a whole number, "
                f"but has '{index}'."
            ) from error
        yield ListedImage(name, part, number, reader.line_num, values)


def find_rows(listed: Sequence[ListedImage], images: ImageSet) -> list[int | None]:
    """Return the index of each listed image in a set, None if the set does not have it.

    Images are matched by name, or by index if they have no names.
    """
    if images.names is None:
        return [row.index if 0 <= row.index < len(images) else None for row in listed]
    index_of = {name: index for index, name in enumerate(images.names)}
    return [index_of.get(row.name) for row in listed]
