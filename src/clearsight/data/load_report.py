"""`LoadReport`: what was left out when a source was loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clearsight.data.listing import Part

_NUM_SHOWN = 3  # bad files in a sentence; `clearsight data check` lists all


@dataclass(frozen=True)
class BadFile:
    """An image that cannot be read.

    Attributes:
        name: its name in the source.
        problem: what is wrong with it, in a sentence.
        part: "train", "validation" or "test".
    """

    name: str
    problem: str
    part: Part = "train"


@dataclass(frozen=True)
class LoadReport:
    """What was left out of a source, and why.

    Attributes:
        bad_files: images that cannot be read.
        skipped: number of skipped items by reason, e.g. {"not an image": 3}.
        empty_classes: classes without images.
        notes: sentences for the user, e.g. why the images are resized as they are.
        num_listed: number of images in the source, bad ones included; 0 if none was decoded.
    """

    bad_files: tuple[BadFile, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_listed: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """The notes, and what was left out."""
        sentences = list(self.notes)
        if self.skipped:
            counts = ", ".join(
                f"{count:,} x {reason}" for reason, count in sorted(self.skipped.items())
            )
            sentences.append(f"Skipped: {counts}.")
        if self.empty_classes:
            names = ", ".join(f"'{name}'" for name in self.empty_classes)
            sentences.append(f"These class folders hold no image and are left out: {names}.")
        if self.bad_files:
            first = "; ".join(bad.problem.rstrip(".") for bad in self.bad_files[:_NUM_SHOWN])
            more = len(self.bad_files) - _NUM_SHOWN
            sentences.append(
                f"{len(self.bad_files):,} of {self.num_listed:,} images cannot be read and are "
                f"left out: {first}{f'; and {more:,} more' if more > 0 else ''}."
            )
        return tuple(sentences)
