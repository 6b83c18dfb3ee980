"""`Rows`: the labels, splits and groups in a table of images, made into a `Listing`."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.arrays.raw_arrays import choose_class_names
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.labels.encode import EncodedLabels, encode_labels
from clearsight.data.listing import Listing, Part, Reader, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows of a table that are used.

    Attributes:
        rows: M numbers of rows, ascending.
        labels: M labels as they are in the table.
        parts: M parts, None for images that the table does not assign to one.
        groups: M groups, or None.
        skipped: number of the other rows by reason.
        notes: sentences for the user.
    """

    rows: tuple[int, ...]
    labels: tuple[Any, ...]
    parts: tuple[Part | None, ...]
    groups: tuple[str, ...] | None
    skipped: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table, column by column.

    Attributes:
        table: what messages call the table.
        labels: N labels as they are in the table; None or "" if missing.
        row_name: returns what messages call row i, e.g. "line 7".
        splits: N names of parts as they are in the table, or None.
        groups: N groups as they are in the table, or None.
        class_names: the names that the table itself gives its classes.
    """

    table: str
    labels: Sequence[Any]
    row_name: Callable[[int], str]
    splits: Sequence[Any] | None = None
    groups: Sequence[Any] | None = None
    class_names: ClassNames | None = None

    def to_listing(
        self, keys: Sequence[str], reader: Reader, options: SourceOptions, signature: str
    ) -> Listing:
        """Make the listing; `keys` are those by which the reader finds the N images.

        Raises:
            DataError: as `select`, and when labels are not valid.
        """
        selected = self.select(keys)
        names = choose_class_names(options, self.class_names)
        labels = encode_labels(list(selected.labels), names, f"The labels in {self.table}")
        labels, empty = _drop_empty(labels)
        return Listing(
            reader=reader,
            keys=tuple(keys[row] for row in selected.rows),
            labels=labels.codes,
            class_names=labels.class_names,
            parts=selected.parts,
            signature=signature,
            provenance=self.table,
            groups=selected.groups,
            skipped=selected.skipped,
            empty_classes=empty,
            notes=(*selected.notes, *labels.notes),
        )

    def select(self, keys: Sequence[Hashable]) -> Selection:
        """Select the first row of each labelled image; images with equal keys are the same.

        Raises:
            DataError: when splits are not valid, one image has two labels, or no row is left.
        """
        skipped: Counter[str] = Counter()
        notes: list[str] = []
        parts = self._parts()
        first_of: dict[Hashable, int] = {}
        num_split = 0
        for row, (key, label, part) in enumerate(zip(keys, self.labels, parts, strict=True)):
            if _is_blank(label):
                skipped["row without a label"] += 1
                continue
            if self.splits is not None and part is None:
                skipped["row without a split"] += 1
                continue
            first = first_of.setdefault(key, row)
            if first == row:
                continue
            if self.labels[first] != label:
                raise DataError(
                    f"{self.table} should give each image one label, but gives {key} "
                    f"'{self.labels[first]}' in {self.row_name(first)} and '{label}' in "
                    f"{self.row_name(row)}: keep one of the two rows."
                )
            skipped["duplicate row"] += 1
            num_split += parts[first] != part
        if num_split:
            notes.append(
                f"{num_split:,} duplicate rows put an image into another split than its first row; "
                "the first row counts."
            )
        rows = tuple(first_of.values())
        if not rows:
            raise DataError(
                f"{self.table} should hold labelled images, but none of its {len(keys):,} rows is "
                "one."
            )
        selected: tuple[Part | None, ...] = tuple(parts[row] for row in rows)
        if self.splits is not None and "train" not in selected:
            found = ", ".join(sorted({str(part) for part in selected}))
            raise DataError(
                f"{self.table} should have rows to train on, but its splits are only {found}."
            )
        return Selection(
            rows=rows,
            labels=tuple(self.labels[row] for row in rows),
            parts=selected,
            groups=None if self.groups is None else tuple(map(self._group, rows)),
            skipped=dict(skipped),
            notes=tuple(notes),
        )

    def _parts(self) -> list[Part | None]:
        if self.splits is None:
            return [None] * len(self.labels)
        part_of: dict[Any, Part | None] = {
            value: parse_part(str(value)) for value in set(self.splits)
        }
        unknown = sorted(
            str(value) for value, part in part_of.items() if not (part or _is_blank(value))
        )
        if unknown:
            more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
            raise DataError(
                f"{self.table} should contain train, validation or test in its split column, but "
                f"contains '{unknown[0]}'{more}: choose another column with --split-column."
            )
        return [part_of[value] for value in self.splits]

    def _group(self, row: int) -> str:
        value = None if self.groups is None else self.groups[row]
        # An image without a group is a group of its own.
        return f"({self.row_name(row)})" if _is_blank(value) else str(value).strip()


def _is_blank(value: Any) -> bool:
    """Return whether a cell is empty: None, NaN or nothing but white space."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value != value  # noqa: PLR0124 - NaN


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
