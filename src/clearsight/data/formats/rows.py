"""`Rows`: the labels, splits and groups in a table of images, made into a `Listing`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.arrays.raw_arrays import choose_class_names
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.labels.encode import EncodedLabels, encode_labels
from clearsight.data.listing import Listing, Part, Reader, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

NO_LABEL = "row without a label"
NO_SPLIT = "row without a split"


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table, column by column.

    Attributes:
        keys: N keys by which a reader finds the images.
        labels: N labels as they are in the table; None or "" if missing.
        row_name: returns what messages call row i, e.g. "line 7".
        splits: N names of parts as they are in the table, or None.
        groups: N groups as they are in the table, or None.
        class_names: the names that the table itself gives its classes.
    """

    keys: Sequence[str]
    labels: Sequence[Any]
    row_name: Callable[[int], str]
    splits: Sequence[Any] | None = None
    groups: Sequence[Any] | None = None
    class_names: ClassNames | None = None

    def to_listing(
        self, reader: Reader, options: SourceOptions, provenance: str, signature: str
    ) -> Listing:
        """Make the listing; rows without a label and duplicate rows are skipped and counted.

        Raises:
            DataError: when labels or splits are not valid, or one image has two labels.
        """
        skipped: Counter[str] = Counter()
        all_parts = self._parts(provenance)
        rows, notes = self._select(all_parts, skipped, provenance)
        labels = [self.labels[row] for row in rows]
        if not labels:
            raise DataError(
                f"{provenance} should hold labelled images, but none of its "
                f"{len(self.keys):,} rows is one."
            )
        names = choose_class_names(options, self.class_names)
        coded, empty = _drop_empty(encode_labels(labels, names, f"The labels in {provenance}"))
        parts: tuple[Part | None, ...] = tuple(all_parts[row] for row in rows)
        if any(parts) and "train" not in parts:
            raise DataError(
                f"{provenance} should have rows to train on, but its splits are only "
                f"{', '.join(sorted({part for part in parts if part}))}."
            )
        groups = self.groups
        return Listing(
            reader=reader,
            keys=tuple(self.keys[row] for row in rows),
            labels=coded.codes,
            class_names=coded.class_names,
            parts=parts,
            signature=signature,
            provenance=provenance,
            groups=None if groups is None else tuple(self._group(row, groups) for row in rows),
            skipped=dict(skipped),
            empty_classes=empty,
            notes=(*notes, *coded.notes),
        )

    def _parts(self, provenance: str) -> list[Part | None]:
        if self.splits is None:
            return [None] * len(self.keys)
        part_of: dict[Any, Part | None] = {
            value: parse_part(str(value)) for value in set(self.splits)
        }
        unknown = sorted(
            str(value) for value, part in part_of.items() if not (part or _is_blank(value))
        )
        if unknown:
            more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
            raise unknown_split(provenance, f"'{unknown[0]}'{more}")
        return [part_of[value] for value in self.splits]

    def _select(
        self, parts: Sequence[Part | None], skipped: Counter[str], provenance: str
    ) -> tuple[list[int], list[str]]:
        """Return the first row of each labelled image, and notes."""
        first_of: dict[str, int] = {}
        num_split = 0
        for row, (key, label, part) in enumerate(zip(self.keys, self.labels, parts, strict=True)):
            if _is_blank(label):
                skipped[NO_LABEL] += 1
                continue
            if self.splits is not None and part is None:
                skipped[NO_SPLIT] += 1
                continue
            first = first_of.setdefault(key, row)
            if first == row:
                continue
            if self.labels[first] != label:
                raise DataError(
                    f"{provenance} should give each image one label, but gives {key} "
                    f"'{self.labels[first]}' in {self.row_name(first)} and '{label}' in "
                    f"{self.row_name(row)}: keep one of the two rows."
                )
            skipped["duplicate row"] += 1
            num_split += parts[first] != part
        notes = []
        if num_split:
            notes.append(
                f"{num_split:,} duplicate rows put an image into another split than its first row; "
                "the first row counts."
            )
        return list(first_of.values()), notes

    def _group(self, row: int, groups: Sequence[Any]) -> str:
        # An image without a group is a group of its own.
        return f"({self.row_name(row)})" if _is_blank(groups[row]) else str(groups[row]).strip()


def unknown_split(table: str, found: str) -> DataError:
    """Return the error for a cell of the split column that is no name of a split."""
    return DataError(
        f"{table} should contain train, validation or test in its split column, but contains "
        f"{found}: choose another column with --split-column."
    )


def _is_blank(value: Any) -> bool:
    """Return whether a cell is empty: None, NaN or nothing but white space."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value != value  # noqa: PLR0124 - NaN


def _drop_empty(coded: EncodedLabels) -> tuple[EncodedLabels, tuple[str, ...]]:
    """Remove classes without an image, and return their names."""
    counts = np.bincount(coded.codes, minlength=len(coded.class_names))
    if counts.all():
        return coded, ()
    names = [name for name, count in zip(coded.class_names, counts, strict=True) if count]
    empty = [name for name, count in zip(coded.class_names, counts, strict=True) if not count]
    if len(names) < 2:
        raise DataError(
            f"There should be images of at least two classes, but all are of '{names[0]}'."
        )
    codes = (np.cumsum(counts > 0) - 1)[coded.codes].astype(np.int64)
    return EncodedLabels(codes, tuple(names), coded.notes), tuple(empty)
