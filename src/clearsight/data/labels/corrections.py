"""Labels corrected by hand: a CSV file that `data check` writes and the user edits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clearsight.data.image_list import KEY_COLUMNS, ListedImage, find_rows, read_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, did_you_mean, list_some

CORRECTED = "corrected_label"  # the column to edit: the right class, or nothing
COLUMNS = (*KEY_COLUMNS, "label", "suggested", "score", CORRECTED)


@dataclass(frozen=True, eq=False)
class _CorrectedPart:
    """A part with its corrected labels.

    Attributes:
        images: with these labels.
        num_corrected: how many of them are others than before.
        absent: names or indices of the rows' images that the part does not have.
    """

    images: ImageSet
    num_corrected: int
    absent: tuple[str | int, ...]


def correct_labels(path: str | Path, splits: Splits) -> Splits:
    """Return all parts with corrected labels, and a note that counts them.

    The file has the columns name, part, index and label. The right class is in the column
    `corrected_label`, or else in label; where both are empty the image keeps its label.

    Raises:
        DataError: when the file is missing or not valid, or lists parts or classes that do not
            exist, or none of the source's images.
    """
    rows = read_image_list(
        path, (*KEY_COLUMNS, "label"), "clearsight data check SOURCE --labels-out"
    )
    counts = Counter((row.part, row.name or row.index) for row in rows)
    repeated = [key for (_, key), count in counts.items() if count > 1]
    if repeated:
        raise DataError(
            f"{path} should list each image once, but lists {list_some(repeated)} more than once."
        )
    unknown = sorted({row.part for row in rows} - set(splits.parts))
    if unknown:
        raise DataError(
            f"{path} should correct the parts {', '.join(splits.parts)}, but lists "
            f"{list_some(unknown)}."
        )
    parts = {
        part: _correct([row for row in rows if row.part == part], images, path)
        for part, images in splits.parts.items()
    }
    absent = [key for part in parts.values() for key in part.absent]
    if rows and len(absent) == len(rows):
        raise DataError(
            f"{path} should list images of this source, but has none of them: "
            f"{list_some(absent)}. Was it written for another source?"
        )
    num_corrected = sum(part.num_corrected for part in parts.values())
    note = _note(path, num_corrected, len(rows) - num_corrected - len(absent), absent)
    report = splits.load_report
    return replace(
        splits,
        **{name: part.images for name, part in parts.items()},
        load_report=replace(report, notes=(*report.notes, note)),
    )


def _correct(rows: Sequence[ListedImage], images: ImageSet, path: str | Path) -> _CorrectedPart:
    code_of = {name: label for label, name in enumerate(images.class_names)}
    names = [row.values.get(CORRECTED) or row.values["label"] for row in rows]
    unknown = [name for name in names if name and name not in code_of]
    if unknown:
        raise DataError(
            f"{path} should use the classes {list_some(images.class_names, 10)}, but uses "
            f"{list_some(unknown)}.{did_you_mean(unknown[0], images.class_names)}"
        )
    labels = np.array(images.labels)
    absent: list[str | int] = []
    for row, name, index in zip(rows, names, find_rows(rows, images), strict=True):
        if index is None:
            absent.append(row.name if images.names else row.index)
        elif name:
            labels[index] = code_of[name]
    num_corrected = int((labels != images.labels).sum())
    return _CorrectedPart(images.with_labels(labels), num_corrected, tuple(absent))


def _note(
    path: str | Path, num_corrected: int, num_unchanged: int, absent: Sequence[str | int]
) -> str:
    """Return a sentence about what each row of the file did."""
    labels = "1 label" if num_corrected == 1 else f"{num_corrected:,} labels"
    note = f"{path} corrects {labels}"
    if num_unchanged:
        rows = "1 row is" if num_unchanged == 1 else f"{num_unchanged:,} rows are"
        note += f"; {rows} empty or the label that the image has"
    if absent:
        rows = "1 row lists an image" if len(absent) == 1 else f"{len(absent):,} rows list images"
        note += f"; {rows} that the source does not have: {list_some(absent)}"
    if not num_corrected:
        note += f". Write the right classes into its column '{CORRECTED}'"
    return f"{note}."
