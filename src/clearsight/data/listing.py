"""`Listing`: the images of a source with their labels, before they are decoded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from clearsight.errors import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

# Usual names of folders and table values for the parts, in lower case.
PART_NAMES: dict[str, Part] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True)
class BadFile:
    """An image that cannot be read or has no valid label.

    Attributes:
        name: its name in the source, or that of its row in a table.
        problem: what is wrong with it, in a sentence.
        part: "train", "validation" or "test".
    """

    name: str
    problem: str
    part: Part = "train"


class Reader(Protocol):
    """Reads the bytes of images.

    A reader is a frozen dataclass of plain values (text, numbers), because it is pickled for every
    process that decodes. Open files are closed when the iterator ends.
    """

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Iterate over the images with these keys, in the order that is fastest to read.

        Yields:
            Each key with the encoded image's bytes, or with the reason why it cannot be read.
        """
        ...


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a source.

    Attributes:
        reader: reads their bytes.
        keys: N different keys, by which the reader and all messages know them.
        labels: int64 (N,), 0..K-1.
        class_names: K names.
        parts: N parts, None for images that the source does not assign to one.
        groups: N names of the group that each image belongs to, or None.
        signature: text that changes whenever a file of the source does (sizes and times).
        provenance: where the images come from, in words.
        skipped: number of skipped items by reason.
        empty_classes: classes without images; not part of `class_names`.
        decisions: sentences about how the source is read where that had to be decided.
        notes: other sentences for the user.
    """

    reader: Reader
    keys: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    parts: tuple[Part | None, ...]
    signature: str
    provenance: str
    groups: tuple[str, ...] | None = None
    bad_rows: tuple[BadFile, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)


def parse_part(name: str) -> Part | None:
    """Return the part that a folder name or a table value means, or None."""
    return PART_NAMES.get(name.strip().lower())
