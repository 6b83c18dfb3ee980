"""`Listing`: which images a source names, with their labels, before any is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from clearsight.errors import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

# How folders and tables call their parts, in lower case.
PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


class Reader(Protocol):
    """Gets at the bytes of images.

    A reader is a frozen dataclass of plain values (text, numbers), because it is opened again in
    every process that decodes. Opened files are closed when the iterator ends.
    """

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Iterate over images, in whatever order is quickest to read.

        Args:
            keys: which images.

        Yields:
            Each key with the encoded image's bytes, or with what is wrong with it.
        """
        ...


@dataclass(frozen=True, eq=False)
class Listing:
    """The images that a source names.

    Attributes:
        reader: gets at their bytes.
        keys: N keys by which the reader and all messages know them, all different.
        labels: int64 (N,), 0..K-1.
        class_names: K names.
        parts: N parts, or None for images that the source does not divide.
        groups: N names of what each image belongs to, or None.
        signature: text that changes whenever a file of the source does (sizes and times).
        provenance: where the images come from, in words.
        skipped: how many things were passed over, by what they are.
        empty_classes: classes without a single image; they are no part of `class_names`.
        notes: sentences that the user should read.
    """

    reader: Reader
    keys: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    parts: tuple[Part | None, ...]
    signature: str
    provenance: str
    groups: tuple[str, ...] | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)


def parse_part(name: str) -> Part | None:
    """Return which part a folder or a table's cell of this name means, or None."""
    return PART_NAMES.get(name.strip().lower())
