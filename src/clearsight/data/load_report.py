"""`LoadReport`: what a source held beside its images, and what was left out on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_NUM_NAMED = 3  # bad files in a sentence; `clearsight data check` names them all


@dataclass(frozen=True)
class BadFile:
    """An image that could not be read.

    Attributes:
        name: what the source calls it.
        problem: what is wrong with it, in a sentence.
        part: "train", "validation" or "test".
    """

    name: str
    problem: str
    part: str = "train"


@dataclass(frozen=True)
class LoadReport:
    """What was left out of a source, and why.

    Attributes:
        bad_files: images that could not be read.
        skipped: how many things were passed over, by what they are, e.g. {"not an image": 3}.
        empty_classes: classes without a single image.
        notes: sentences that the user should read, e.g. why the images get their size.
        num_listed: how many images the source names, bad ones included; 0 where nothing was
            decoded.
    """

    bad_files: tuple[BadFile, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_listed: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the user should know: the notes, and what was left out."""
        sentences = list(self.notes)
        if self.skipped:
            counts = ", ".join(
                f"{count:,} x {what}" for what, count in sorted(self.skipped.items())
            )
            sentences.append(f"Passed over: {counts}.")
        if self.empty_classes:
            names = ", ".join(f"'{name}'" for name in self.empty_classes)
            sentences.append(f"These class folders hold no image and are left out: {names}.")
        if self.bad_files:
            first = "; ".join(bad.problem.rstrip(".") for bad in self.bad_files[:_NUM_NAMED])
            more = len(self.bad_files) - _NUM_NAMED
            sentences.append(
                f"{len(self.bad_files):,} of {self.num_listed:,} images cannot be read and are "
                f"left out: {first}{f'; and {more:,} more' if more > 0 else ''}."
            )
        return tuple(sentences)
