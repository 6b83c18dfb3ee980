"""`Rows`: the labels, splits and groups in a table of images, made into a `Listing`."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.arrays.raw_arrays import choose_class_names
from clearsight.data.formats.label_cells import single_labels
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.labels.encode import EncodedLabels, encode_labels, is_missing
from clearsight.data.listing import BadFile, Listing, Part, Reader
from clearsight.data.load_report import check_bad_files
from clearsight.data.part_names import part_of_cell
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, list_some
from clearsight.option_names import option


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows of a table that are used.

    Attributes:
        rows: M numbers of rows, ascending.
        labels: M labels as they are in the table.
        parts: M parts, None for images that the table does not assign to one.
        groups: M groups, or None.
        bad_rows: rows that no image or no single label can be read from.
        skipped: number of the other rows by reason.
        notes: sentences for the user.
    """

    rows: tuple[int, ...]
    labels: tuple[Any, ...]
    parts: tuple[Part | None, ...]
    groups: tuple[str, ...] | None
    bad_rows: tuple[BadFile, ...]
    skipped: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table, column by column.

    Attributes:
        table: what messages call the table.
        labels: N labels as they are in the table; those of a one-hot row are a list.
        row_name: returns what messages call row i, e.g. "line 7".
        splits: N names of parts as they are in the table, or None.
        groups: N groups as they are in the table, or None.
        class_names: the names that the table itself gives its classes.
        notes: sentences for the user about how the table is read.
    """

    table: str
    labels: Sequence[Any]
    row_name: Callable[[int], str]
    splits: Sequence[Any] | None = None
    groups: Sequence[Any] | None = None
    class_names: ClassNames | None = None
    notes: tuple[str, ...] = ()

    def to_listing(
        self, keys: Sequence[str | None], reader: Reader, options: SourceOptions, signature: str
    ) -> Listing:
        """Make the listing.

        `keys` are those by which the reader finds the N images, None if a row does not say.

        Raises:
            DataError: as `select`, and when labels are not valid.
        """
        names = choose_class_names(options, self.class_names)
        selected = self.select(keys, options, names)
        labels = encode_labels(list(selected.labels), names, f"The labels in {self.table}")
        labels, empty = _drop_empty(labels)
        return Listing(
            reader=reader,
            keys=tuple(str(keys[row]) for row in selected.rows),
            labels=labels.codes,
            class_names=labels.class_names,
            parts=selected.parts,
            signature=signature,
            provenance=self.table,
            groups=selected.groups,
            bad_rows=selected.bad_rows,
            skipped=selected.skipped,
            empty_classes=empty,
            notes=(*selected.notes, *labels.notes),
        )

    def select(
        self, keys: Sequence[Hashable], options: SourceOptions, names: ClassNames | None
    ) -> Selection:
        """Select the first row of each image with a label; images with equal keys are the same.

        Raises:
            DataError: when splits are not valid, one image has two labels, no row is left, or more
                than a few rows are bad and the options do not allow that.
        """
        labels, several = single_labels(self.labels, names.names if names else ())
        parts = self._parts()
        skipped: Counter[str] = Counter()
        bad_rows: list[BadFile] = []
        first_of: dict[Hashable, int] = {}
        num_split = 0
        for row, (key, label, part) in enumerate(zip(keys, labels, parts, strict=True)):
            reason = self._why_skipped(row, label, part, is_several=row in several)
            if reason:
                skipped[reason] += 1
                continue
            if row in several or key is None:
                problem = self._problem(row, several.get(row))
                bad_rows.append(BadFile(self.row_name(row), problem, part or "train"))
                continue
            first = first_of.setdefault(key, row)
            if first == row:
                continue
            if labels[first] != label:
                raise DataError(
                    f"{self.table} should give each image one label, but gives {key} "
                    f"'{labels[first]}' in {self.row_name(first)} and '{label}' in "
                    f"{self.row_name(row)}: keep one of the two rows."
                )
            skipped["duplicate row"] += 1
            num_split += parts[first] != part
        check_bad_files(bad_rows, len(keys), self.table, allow_bad=options.allow_bad)
        rows = tuple(first_of.values())
        selected: tuple[Part | None, ...] = tuple(parts[row] for row in rows)
        self._check_selected(selected)
        note = (
            f"{num_split:,} duplicate rows put an image into another split than its first row; the "
            "first row counts."
        )
        groups = None if self.groups is None else tuple(map(self._group, rows))
        return Selection(
            rows=rows,
            labels=tuple(labels[row] for row in rows),
            parts=selected,
            groups=groups,
            bad_rows=tuple(bad_rows),
            skipped=dict(skipped),
            notes=(*self.notes, *([note] if num_split else []), *_divided_groups(groups, selected)),
        )

    def _why_skipped(self, row: int, label: Any, part: Part | None, *, is_several: bool) -> str:
        """Return the reason to skip a row, "" if it is used or bad."""
        if self.splits is not None and part is None:
            return "row without a split"
        if label is not None or is_several:
            return ""
        cell = str(self.labels[row]).strip()
        is_named = isinstance(self.labels[row], str) and cell and not cell.startswith("[")
        return f"row with the label '{cell}'" if is_named else "row without a label"

    def _problem(self, row: int, labels: Sequence[str] | None) -> str:
        """Return what is wrong with a row that has several labels, or (None) no path."""
        name = self.row_name(row)
        name = name[0].upper() + name[1:]
        if labels is None:
            return f"{name} should contain the path of an image, but it is empty."
        cell, own_class = self.labels[row], ""
        if isinstance(cell, str):
            own_class = (
                f", or list '{cell.strip()}' in {option('class_names')} if it is a class of its own"
            )
        return f"{name} should have one label, but has {list_some(labels)}: keep one{own_class}."

    def _check_selected(self, parts: Sequence[Part | None]) -> None:
        if not parts:
            raise DataError(
                f"{self.table} should hold labelled images, but none of its "
                f"{len(self.labels):,} rows is one."
            )
        if self.splits is not None and "train" not in parts:
            found = ", ".join(sorted({str(part) for part in parts}))
            raise DataError(
                f"{self.table} should have rows to train on, but its splits are only {found}."
            )

    def _parts(self) -> list[Part | None]:
        if self.splits is None:
            return [None] * len(self.labels)
        part_of: dict[Any, Part | None] = {value: part_of_cell(value) for value in set(self.splits)}
        unknown = sorted(
            str(value) for value, part in part_of.items() if not (part or is_missing(value))
        )
        if unknown:
            more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
            raise DataError(
                f"{self.table} should contain train, validation or test in its split column, but "
                f"contains '{unknown[0]}'{more}: choose another column with "
                f"{option('split_column')}."
            )
        return [part_of[value] for value in self.splits]

    def _group(self, row: int) -> str:
        value = None if self.groups is None else self.groups[row]
        # An image without a group is a group of its own.
        return f"({self.row_name(row)})" if is_missing(value) else str(value).strip()


def _divided_groups(groups: Sequence[str] | None, parts: Sequence[Part | None]) -> list[str]:
    """Return a sentence if the table itself puts images of one group into several splits."""
    parts_of: dict[str, set[Part | None]] = {}
    for group, part in zip(groups or (), parts, strict=bool(groups)):
        parts_of.setdefault(group, set()).add(part)
    divided = [group for group, found in parts_of.items() if len(found) > 1]
    if not divided:
        return []
    return [
        f"{len(divided):,} of {len(parts_of):,} groups have images in several of the table's own "
        f"splits ({list_some(divided)}), which stay as they are: scores may be too high."
    ]


def _drop_empty(labels: EncodedLabels) -> tuple[EncodedLabels, tuple[str, ...]]:
    """Remove classes without an image, and return their names."""
    counts = np.bincount(labels.codes, minlength=len(labels.class_names))
    names = [name for name, count in zip(labels.class_names, counts, strict=True) if count]
    empty = [name for name, count in zip(labels.class_names, counts, strict=True) if not count]
    if len(names) < 2:
        raise DataError(
            f"There should be images of at least two classes, but all are of '{names[0]}'."
        )
    codes = (np.cumsum(counts > 0) - 1)[labels.codes].astype(np.int64)
    return EncodedLabels(codes, tuple(names), labels.notes), tuple(empty)
