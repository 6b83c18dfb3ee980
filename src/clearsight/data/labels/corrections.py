"""Labels corrected by hand: a CSV that `data check` writes and the user edits."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, did_you_mean
from clearsight.io.atomic import write_atomically

COLUMNS = ("name", "part", "index", "label", "suggested", "score")
_NEEDED = ("name", "part", "index", "label")
_MOST_NAMED = 3


@dataclass(frozen=True)
class Correction:
    """What one image's label should be.

    Attributes:
        name: the image's name, "" where its source has none.
        part: "train", "validation" or "test".
        index: its place in that part, counted from 0.
        label: the right class, by name.
    """

    name: str
    part: str
    index: int
    label: str


@dataclass(frozen=True)
class Corrections:
    """Labels corrected by hand.

    Attributes:
        path: the file that they were read from, as messages name it.
        rows: one an image.
    """

    path: str
    rows: tuple[Correction, ...]

    def of(self, part: str) -> tuple[Correction, ...]:
        """Return those of one part."""
        return tuple(row for row in self.rows if row.part == part)


def write_suspects(path: Path, rows: Iterable[Sequence[str | int | float]]) -> None:
    """Write images whose labels are to be looked at, as CSV with the columns `COLUMNS`.

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
    """Read corrected labels: columns name, part, index and label; others are passed over.

    Raises:
        DataError: when the file is absent, no such table, or a row cannot be understood.
    """
    try:
        # Excel writes a mark first, and a file name may hold bytes that are no UTF-8.
        with Path(path).open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file)
            absent = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if absent:
                raise DataError(
                    f"{path} should have the columns {', '.join(_NEEDED)}, but has no "
                    f"{', '.join(absent)}: write it anew with "
                    "`clearsight data check SOURCE --labels-out`."
                )
            rows = tuple(_correction(path, number, row) for number, row in enumerate(reader, 2))
    except FileNotFoundError as error:
        raise DataError(
            f"{path} should be a CSV of corrections, but there is no such file."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} should be a CSV of corrections, but cannot be read: {error}."
        ) from error
    counts = Counter((row.part, row.name or row.index) for row in rows)
    repeated = [str(what) for (_, what), count in counts.items() if count > 1]
    if repeated:
        raise DataError(
            f"{path} should name each image once, but names {_some(repeated)} more than once."
        )
    return Corrections(str(path), rows)


def correct_image_set(corrections: Corrections, images: ImageSet, part: str = "train") -> ImageSet:
    """Return images with corrected labels.

    Args:
        corrections: what `read_corrections` gives.
        images: the images of `part`.
        part: only its rows are taken.

    Raises:
        DataError: when rows name images or classes that are not there.
    """
    labels = correct_labels(
        corrections, images.names or len(images), images.labels, images.class_names, part
    )
    return images.with_labels(labels)


def correct_splits(corrections: Corrections, splits: Splits) -> Splits:
    """Return all parts with corrected labels.

    Raises:
        DataError: when rows name parts, images or classes that are not there.
    """
    unknown = sorted({row.part for row in corrections.rows} - set(splits.parts))
    if unknown:
        raise DataError(
            f"{corrections.path} should correct the parts {', '.join(splits.parts)}, but names "
            f"{_some(unknown)}."
        )
    corrected = {
        part: correct_image_set(corrections, images, part) for part, images in splits.parts.items()
    }
    return replace(splits, **corrected)


def correct_labels(
    corrections: Corrections,
    names: Sequence[str] | int,
    labels: np.ndarray,
    class_names: Sequence[str],
    part: str = "train",
) -> np.ndarray:
    """Return labels with the corrections of one part applied, for images or a mere listing.

    Args:
        corrections: what `read_corrections` gives.
        names: N names, or N where there are none and rows are matched by their index.
        labels: integers (N,).
        class_names: K names.
        part: only its rows are taken.

    Returns:
        int64 (N,).

    Raises:
        DataError: when rows name images or classes that are not there.
    """
    class_of = {name: label for label, name in enumerate(class_names)}
    rows = corrections.of(part)
    unknown = [row.label for row in rows if row.label not in class_of]
    if unknown:
        raise DataError(
            f"{corrections.path} should give one of the classes {_some(class_names, 10)}, but "
            f"gives {_some(unknown)}.{did_you_mean(unknown[0], class_names)}"
        )
    if isinstance(names, int):
        places = {str(index): index for index in range(names)}
        keys = [str(row.index) for row in rows]
    else:
        places = {name: index for index, name in enumerate(names)}
        keys = [row.name for row in rows]
    strange = [key for key in keys if key not in places]
    if strange:
        what = "numbers" if isinstance(names, int) else "images"
        raise DataError(
            f"{corrections.path} names {what} that the {part} part does not have: "
            f"{_some(strange)}. Was it written for another source?"
        )
    corrected = np.array(labels, dtype=np.int64)
    for key, row in zip(keys, rows, strict=True):
        corrected[places[key]] = class_of[row.label]
    return corrected


def _correction(path: str | Path, number: int, row: dict[str, str | None]) -> Correction:
    values = {name: (row[name] or "").strip() for name in _NEEDED}
    try:
        index = int(values["index"] or -1)
    except ValueError as error:
        raise DataError(
            f"Line {number} of {path} should give the image's index as a whole number, but gives "
            f"'{values['index']}'."
        ) from error
    if not values["label"]:
        raise DataError(f"Line {number} of {path} should give a label, but its label is empty.")
    return Correction(values["name"], values["part"], index, values["label"])


def _some(names: Iterable[str], most: int = _MOST_NAMED) -> str:
    everything = [f"'{name}'" for name in names]
    more = f" and {len(everything) - most:,} more" if len(everything) > most else ""
    return ", ".join(everything[:most]) + more
