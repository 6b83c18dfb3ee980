"""`Intake`: what a source held beside its pictures, and what was left out on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class BadFile:
    """A picture that could not be read.

    Attributes:
        name: what the source calls it.
        problem: what is wrong with it, in a sentence.
        part: "train", "validation" or "test".
    """

    name: str
    problem: str
    part: str = "train"


@dataclass(frozen=True)
class Intake:
    """What was left out of a source, and why.

    Attributes:
        bad_files: pictures that could not be read.
        skipped: how many things were passed over, by what they are, e.g. {"not a picture": 3}.
        empty_classes: classes without a single picture.
        notes: sentences that the user should read, e.g. why the pictures get their size.
        num_listed: how many pictures the source names, bad ones included; 0 where nothing was
            decoded.
    """

    bad_files: tuple[BadFile, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    empty_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_listed: int = 0
