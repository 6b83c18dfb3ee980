"""Images that the user leaves out: a CSV file that `data check` writes, or a list of names."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.image_list import ListedImage, find_rows, read_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, list_some
from clearsight.io.csv_rows import bounded_lines
from clearsight.io.regular_file import open_regular

REMOVE = "remove"  # the column that says which of the listed images to leave out
_YES, _NO = ("yes", "y", "true", "1", "x"), ("", "no", "n", "false", "0")


def remove_images(path: Path, splits: Splits) -> Splits:
    """Return all parts without the images that a file lists.

    The file is a CSV file with the column name, or part and index for images without names; with a
    column `remove` only its rows that say yes count. Or it holds one name per line.

    Raises:
        DataError: when the file is missing or not valid, or lists none of the images, or all
            training images.
    """
    rows = read_removals(path)
    kept: dict[str, ImageSet | None] = {}
    is_known = np.zeros(len(rows), dtype=bool)
    counts: list[str] = []
    for part, images in splits.parts.items():
        found = _find(rows, part, images)
        is_known |= np.array([index is not None for index in found], dtype=bool)
        removed = np.unique([index for index in found if index is not None]).astype(int)
        if len(removed):
            left = np.delete(np.arange(len(images)), removed)
            kept[part] = images.take(left) if len(left) else None
            counts.append(f"{len(removed):,} of {len(images):,} in {part}")
    bad_names = {bad.name for bad in splits.load_report.bad_files}  # left out already
    unknown = [
        row.name or f"{row.part} {row.index}"
        for row, known in zip(rows, is_known, strict=True)
        if not (known or row.name in bad_names)
    ]
    if rows and len(unknown) == len(rows):
        raise DataError(
            f"{path} should list images of this source, but has none of them: "
            f"{list_some(unknown)}. Was it written for another source?"
        )
    if "train" in kept and kept["train"] is None:
        raise DataError(f"{path} should leave images to train on, but lists all of them.")
    sentence = f"{path} lists no image to leave out."
    if counts:
        sentence = f"Images left out because {path} lists them: {', '.join(counts)}."
    if unknown:
        sentence += (
            f" It also lists {len(unknown):,} that the source does not have: {list_some(unknown)}."
        )
    report = splits.load_report
    return replace(splits, **kept, load_report=replace(report, notes=(*report.notes, sentence)))


def read_removals(path: Path) -> list[ListedImage]:
    """Read which images to leave out.

    Raises:
        DataError: when the file is missing or not valid.
    """
    try:
        text: Any = {"encoding": "utf-8-sig", "errors": "surrogateescape"}
        with io.TextIOWrapper(open_regular(path), **text) as file:
            found = bounded_lines(file)
            header = [name.strip().strip('"') for name in next(found, "").split(",")]
            lines = [",".join(header), *(line.rstrip("\r\n") for line in found)]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{path} should list images to leave out, but cannot be read: {reason}."
        ) from error
    if not {"name", "index"} & {*header}:
        names = ((line, name.strip()) for line, name in enumerate(lines, 1))
        return [ListedImage(name, "", -1, line, {}) for line, name in names if name]
    rows = read_image_list(path, (), "clearsight data check SOURCE --list-out")
    for row in rows:
        if row.values.get(REMOVE, "").lower() not in (*_YES, *_NO):
            raise DataError(
                f"Line {row.line} of {path} should say yes or nothing in its column '{REMOVE}', "
                f"but says '{row.values[REMOVE]}'."
            )
    return [row for row in rows if row.values.get(REMOVE, "yes").lower() in _YES]


def _find(rows: Sequence[ListedImage], part: str, images: ImageSet) -> list[int | None]:
    """Return the index of each listed image in a part; names need not say which part."""
    found = find_rows(rows, images)
    if images.names is not None:
        return found
    return [index if row.part == part else None for row, index in zip(rows, found, strict=True)]
