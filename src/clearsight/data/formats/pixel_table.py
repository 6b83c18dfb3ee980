"""Text tables with one column a pixel, as Kaggle's digit recognizer has them."""

from __future__ import annotations

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays
from clearsight.data.formats.columns import (
    find_group_column,
    find_label_column,
    find_split_column,
)
from clearsight.data.formats.delimited import DelimitedFile
from clearsight.data.formats.rows import NO_LABEL, NO_PART
from clearsight.data.listing import Part, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError


def open_pixel_table(table: DelimitedFile, options: SourceOptions) -> Splits:
    """Read grey square images from a table with a label and one column a pixel, row by row.

    Raises:
        DataError: when there is no label column, or a pixel is no whole number from 0 to 255.
    """
    names, what = list(table.names), str(table.path)
    label = names.index(find_label_column(names, options, what))
    split_name = find_split_column(names, options, what)
    group_name = find_group_column(names, options, what)
    begin, end = _span(table)
    pixels: dict[Part, bytearray] = {}
    labels: dict[Part, list[str]] = {}
    groups: dict[Part, list[str]] = {}
    skipped: dict[str, int] = {}
    for line, row in table.rows():
        part = "train" if split_name is None else _part(row[names.index(split_name)], line, what)
        if part is None or not row[label].strip():
            reason = NO_LABEL if part else NO_PART
            skipped[reason] = skipped.get(reason, 0) + 1
            continue
        try:
            values = bytes(map(int, row[begin:end]))
        except ValueError as error:
            raise DataError(
                f"{what} should hold pixels that are whole numbers from 0 to 255, but holds "
                f"another value in line {line} ({error})."
            ) from error
        pixels.setdefault(part, bytearray()).extend(values)
        labels.setdefault(part, []).append(row[label])
        if group_name is not None:
            group = row[names.index(group_name)].strip()
            groups.setdefault(part, []).append(group or f"(line {line})")
    if not pixels:
        raise DataError(f"{what} should hold labelled images, but has no such row.")
    images: dict[Part, np.ndarray] = {
        part: np.frombuffer(bytes(values), np.uint8).reshape(-1, end - begin)
        for part, values in pixels.items()
    }
    of_part: dict[Part, tuple[str, ...]] = {part: tuple(values) for part, values in groups.items()}
    return RawArrays(images, labels, what, groups=of_part, skipped=skipped).to_splits(options)


def _span(table: DelimitedFile) -> tuple[int, int]:
    columns = table.pixel_columns
    begin, end = columns[0], columns[-1] + 1
    if len(columns) != end - begin:
        raise DataError(
            f"{table.path} should have its columns of pixels side by side, but has "
            f"'{table.names[begin + 1]}' or another between them."
        )
    return begin, end


def _part(cell: str, line: int, what: str) -> Part | None:
    part = parse_part(cell)
    if part is None and cell.strip():
        raise DataError(
            f"{what} should say train, validation or test in its column of parts, but says "
            f"'{cell}' in line {line}: name another column with --split-column."
        )
    return part
