"""Labels corrected by hand: a CSV file that `data check` writes and the user edits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from clearsight.data.image_list import KEY_COLUMNS, ListedImage, find_rows, read_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, did_you_mean, list_some

COLUMNS = (*KEY_COLUMNS, "label", "suggested", "score")


def correct_labels(path: str | Path, splits: Splits) -> Splits:
    """Return all parts with corrected labels, read from columns name, part, index and label.

    Raises:
        DataError: when the file is missing or not valid, or lists parts, images or classes that do
            not exist.
    """
    rows = read_image_list(
        path, (*KEY_COLUMNS, "label"), "clearsight data check SOURCE --labels-out"
    )
    for row in rows:
        if not row.values["label"]:
            raise DataError(
                f"Line {row.line} of {path} should have a label, but its label is empty."
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
    corrected = {
        part: _correct([row for row in rows if row.part == part], images, part, path)
        for part, images in splits.parts.items()
    }
    return replace(splits, **corrected)


def _correct(
    rows: Sequence[ListedImage], images: ImageSet, part: str, path: str | Path
) -> ImageSet:
    """Return images with the corrected labels of one part."""
    code_of = {name: label for label, name in enumerate(images.class_names)}
    unknown = [row.values["label"] for row in rows if row.values["label"] not in code_of]
    if unknown:
        raise DataError(
            f"{path} should use the classes {list_some(images.class_names, 10)}, but uses "
            f"{list_some(unknown)}.{did_you_mean(unknown[0], images.class_names)}"
        )
    labels = np.array(images.labels)
    absent: list[str | int] = []
    for row, index in zip(rows, find_rows(rows, images), strict=True):
        if index is None:
            absent.append(row.name if images.names else row.index)
        else:
            labels[index] = code_of[row.values["label"]]
    if absent:
        raise DataError(
            f"{path} lists {'images' if images.names else 'indices'} that the {part} part does not "
            f"have: {list_some(absent)}. Was it written for another source?"
        )
    return images.with_labels(labels)
