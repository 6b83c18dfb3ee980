"""Labels corrected by hand: a CSV file that `data check` writes and the user edits."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, did_you_mean, list_some
from clearsight.io.atomic import write_atomically

COLUMNS = ("name", "part", "index", "label", "suggested", "score")
_REQUIRED = ("name", "part", "index", "label")


@dataclass(frozen=True)
class Correction:
    """The right label of one image.

    Attributes:
        name: the image's name, "" if its source has none.
        part: "train", "validation" or "test".
        index: its index in that part.
        label: the name of the right class.
    """

    name: str
    part: str
    index: int
    label: str


@dataclass(frozen=True)
class Corrections:
    """Labels corrected by hand.

    Attributes:
        path: the file that they were read from, for messages.
        rows: one per image.
    """

    path: str
    rows: tuple[Correction, ...]


def write_suspects(path: Path, rows: Iterable[Sequence[str | int | float]]) -> None:
    """Write images whose labels are suspect to a CSV file with the columns `COLUMNS`.

    Raises:
        OutputError: when the file cannot be written.
    """
    with (
        write_atomically(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def read_corrections(path: str | Path) -> Corrections:
    """Read corrected labels: columns name, part, index and label; others are ignored.

    Raises:
        DataError: when the file is missing, has other columns, or a row is invalid.
    """
    expected = f"{path} should be a CSV file of corrections, but"
    try:
        # Excel writes a byte order mark, and a file name may hold bytes that are not UTF-8.
        with Path(path).open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path} should have the columns {', '.join(_REQUIRED)}, but has no "
                    f"{', '.join(missing)}: write it again with "
                    "`clearsight data check SOURCE --labels-out`."
                )
            rows = tuple(_correction(path, line, row) for line, row in enumerate(reader, 2))
    except FileNotFoundError as error:
        raise DataError(f"{expected} there is no such file.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{expected} cannot be read: {error}.") from error
    counts = Counter((row.part, row.name or row.index) for row in rows)
    repeated = [key for (_, key), count in counts.items() if count > 1]
    if repeated:
        raise DataError(
            f"{path} should list each image once, but lists {list_some(repeated)} more than once."
        )
    return Corrections(str(path), rows)


def correct_splits(corrections: Corrections, splits: Splits) -> Splits:
    """Return all parts with corrected labels.

    Raises:
        DataError: when the corrections list parts, images or classes that do not exist.
    """
    unknown = sorted({row.part for row in corrections.rows} - set(splits.parts))
    if unknown:
        raise DataError(
            f"{corrections.path} should correct the parts {', '.join(splits.parts)}, but lists "
            f"{list_some(unknown)}."
        )
    corrected = {
        part: correct_image_set(corrections, images, part) for part, images in splits.parts.items()
    }
    return replace(splits, **corrected)


def correct_image_set(corrections: Corrections, images: ImageSet, part: str = "train") -> ImageSet:
    """Return images with the corrected labels of one part.

    Images are matched by name, or by index if they have no names.

    Raises:
        DataError: when the corrections list images or classes that do not exist.
    """
    rows = [row for row in corrections.rows if row.part == part]
    code_of = {name: label for label, name in enumerate(images.class_names)}
    unknown = [row.label for row in rows if row.label not in code_of]
    if unknown:
        raise DataError(
            f"{corrections.path} should use the classes {list_some(images.class_names, 10)}, but "
            f"uses {list_some(unknown)}.{did_you_mean(unknown[0], images.class_names)}"
        )
    names = images.names or range(len(images))
    index_of = {name: index for index, name in enumerate(names)}
    keys = [row.name if images.names else row.index for row in rows]
    absent = [key for key in keys if key not in index_of]
    if absent:
        raise DataError(
            f"{corrections.path} lists {'images' if images.names else 'indices'} that the {part} "
            f"part does not have: {list_some(absent)}. Was it written for another source?"
        )
    labels = np.array(images.labels)
    for key, row in zip(keys, rows, strict=True):
        labels[index_of[key]] = code_of[row.label]
    return images.with_labels(labels)


def _correction(path: str | Path, line: int, row: dict[str, str | None]) -> Correction:
    values = {name: (row[name] or "").strip() for name in _REQUIRED}
    try:
        index = int(values["index"] or -1)
    except ValueError as error:
        raise DataError(
            f"Line {line} of {path} should have the image's index, a whole number, but has "
            f"'{values['index']}'."
        ) from error
    if not values["label"]:
        raise DataError(f"Line {line} of {path} should have a label, but its label is empty.")
    return Correction(values["name"], values["part"], index, values["label"])
