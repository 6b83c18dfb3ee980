"""`Rows`: what the rows of a table say about images, made into a `Listing`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearsight.data.arrays.raw_arrays import choose_class_names
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.labels.encode import EncodedLabels, encode_labels
from clearsight.data.listing import Listing, Part, Reader, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

NO_LABEL = "row without a label"
NO_PART = "row that names no part"
REPEATED = "row that repeats an earlier one"


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table, column by column.

    Attributes:
        keys: N keys by which a reader knows the images.
        labels: N labels, as they stand in the table; None or "" where one is missing.
        row_name: what to call row i in messages, e.g. "line 7".
        splits: N names of parts as they stand in the table, or None.
        groups: N groups as they stand in the table, or None.
        class_names: the names that the table itself gives its classes.
        skipped: how many things were passed over before.
    """

    keys: Sequence[str]
    labels: Sequence[Any]
    row_name: Callable[[int], str]
    splits: Sequence[Any] | None = None
    groups: Sequence[Any] | None = None
    class_names: ClassNames | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    def listing(
        self, reader: Reader, options: SourceOptions, provenance: str, signature: str
    ) -> Listing:
        """Make the listing: rows without a label, and repeated rows, are passed over and counted.

        Raises:
            DataError: when labels or parts are not what they should be, or one image has two
                labels.
        """
        skipped = Counter(self.skipped)
        all_parts = self._parts(provenance)
        kept, notes = self._kept(all_parts, skipped, provenance)
        labels = [self.labels[row] for row in kept]
        if not labels:
            raise DataError(
                f"{provenance} should hold labelled images, but none of its "
                f"{len(self.keys):,} rows is one."
            )
        names = choose_class_names(options, self.class_names)
        coded, empty = without_empty(encode_labels(labels, names, f"The labels in {provenance}"))
        parts: tuple[Part | None, ...] = tuple(all_parts[row] for row in kept)
        if any(parts) and "train" not in parts:
            raise DataError(
                f"{provenance} should have rows to train on, but its parts are "
                f"{', '.join(sorted({part for part in parts if part}))} only."
            )
        groups = self.groups
        return Listing(
            reader=reader,
            keys=tuple(self.keys[row] for row in kept),
            labels=coded.codes,
            class_names=coded.class_names,
            parts=parts,
            signature=signature,
            provenance=provenance,
            groups=None if groups is None else tuple(self._group(row, groups) for row in kept),
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
        unknown = sorted(str(value) for value in part_of if not (part_of[value] or is_blank(value)))
        if unknown:
            raise DataError(
                f"{provenance} should say train, validation or test in its column of parts, but "
                f"says '{unknown[0]}'{f' and {len(unknown) - 1} more' if unknown[1:] else ''}: "
                "name another column with --split-column."
            )
        return [part_of[value] for value in self.splits]

    def _kept(
        self, parts: Sequence[Part | None], skipped: Counter[str], provenance: str
    ) -> tuple[list[int], list[str]]:
        first_of: dict[str, int] = {}
        num_divided = 0
        for row, (key, label, part) in enumerate(zip(self.keys, self.labels, parts, strict=True)):
            if is_blank(label):
                skipped[NO_LABEL] += 1
                continue
            if self.splits is not None and part is None:
                skipped[NO_PART] += 1
                continue
            first = first_of.setdefault(key, row)
            if first == row:
                continue
            if self.labels[first] != label:
                raise DataError(
                    f"{provenance} should give each image one label, but calls {key} "
                    f"'{self.labels[first]}' in {self.row_name(first)} and '{label}' in "
                    f"{self.row_name(row)}: keep one of the two rows."
                )
            skipped[REPEATED] += 1
            num_divided += parts[first] != part
        notes = []
        if num_divided:
            notes.append(
                f"{num_divided:,} rows name an image that an earlier row puts into another part; "
                "it stays where the earlier row puts it."
            )
        return list(first_of.values()), notes

    def _group(self, row: int, groups: Sequence[Any]) -> str:
        # An image that belongs to nothing is a group of its own.
        return f"({self.row_name(row)})" if is_blank(groups[row]) else str(groups[row]).strip()


def is_blank(value: Any) -> bool:
    """Tell whether a cell is empty: None, NaN or nothing but space."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value != value  # noqa: PLR0124 - NaN


def without_empty(coded: EncodedLabels) -> tuple[EncodedLabels, tuple[str, ...]]:
    """Leave out classes without an image, and return their names."""
    counts = np.bincount(coded.codes, minlength=len(coded.class_names))
    if counts.all():
        return coded, ()
    new_codes = np.cumsum(counts > 0) - 1
    names = [name for name, count in zip(coded.class_names, counts, strict=True) if count]
    empty = [name for name, count in zip(coded.class_names, counts, strict=True) if not count]
    if len(names) < 2:
        raise DataError(
            f"There should be images of at least two classes, but all are of '{names[0]}'."
        )
    codes = new_codes[coded.codes].astype(np.int64)
    return EncodedLabels(codes, tuple(names), coded.notes), tuple(empty)
