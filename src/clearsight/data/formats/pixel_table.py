"""Text tables with one column for each pixel, such as Kaggle's digit recognizer."""

from __future__ import annotations

from collections import Counter

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays
from clearsight.data.formats.columns import ColumnFinder
from clearsight.data.formats.delimited import DelimitedFile
from clearsight.data.formats.rows import NO_LABEL, NO_SPLIT, unknown_split
from clearsight.data.listing import Part, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError


def open_pixel_table(table: DelimitedFile, options: SourceOptions) -> Splits:
    """Read square grey images from a table with a label and one column for each pixel.

    Raises:
        DataError: when there is no label column, or a pixel is no whole number from 0 to 255.
    """
    names, source = list(table.names), str(table.path)
    finder = ColumnFinder(names, options, source)
    label = names.index(finder.label())
    split_name, group_name = finder.split(), finder.group()
    begin, end = _pixel_span(table)
    pixels: dict[Part, bytearray] = {}
    labels: dict[Part, list[str]] = {}
    groups: dict[Part, list[str]] = {}
    skipped: Counter[str] = Counter()
    for line, row in table.rows():
        part: Part | None = "train"
        if split_name is not None:
            cell = row[names.index(split_name)]
            part = parse_part(cell)
            if part is None and cell.strip():
                raise unknown_split(source, f"'{cell}' in line {line}")
        if part is None or not row[label].strip():
            skipped[NO_LABEL if part else NO_SPLIT] += 1
            continue
        try:
            values = bytes(map(int, row[begin:end]))
        except ValueError as error:
            raise DataError(
                f"{source} should hold pixels that are whole numbers from 0 to 255, but holds "
                f"another value in line {line} ({error})."
            ) from error
        pixels.setdefault(part, bytearray()).extend(values)
        labels.setdefault(part, []).append(row[label])
        if group_name is not None:
            group = row[names.index(group_name)].strip()
            groups.setdefault(part, []).append(group or f"(line {line})")
    if not pixels:
        raise DataError(f"{source} should hold labelled images, but has no such row.")
    images: dict[Part, np.ndarray] = {
        part: np.frombuffer(bytes(values), np.uint8).reshape(-1, end - begin)
        for part, values in pixels.items()
    }
    named_groups: dict[Part, tuple[str, ...]] = {
        part: tuple(values) for part, values in groups.items()
    }
    arrays = RawArrays(images, labels, source, groups=named_groups, skipped=dict(skipped))
    return arrays.to_splits(options)


def _pixel_span(table: DelimitedFile) -> tuple[int, int]:
    columns = table.pixel_columns
    begin, end = columns[0], columns[-1] + 1
    if len(columns) != end - begin:
        raise DataError(
            f"{table.path} should have its pixel columns next to each other, but has another "
            "column between them."
        )
    return begin, end
