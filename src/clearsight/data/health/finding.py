"""`Finding`: one fault of a dataset, or a fact about it, found before anything trains."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["problem", "warning", "note"]

# A problem makes a score wrong or training pointless, a warning may; a note is worth knowing.
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note")


@dataclass(frozen=True)
class ImageReference:
    """Where an image is found.

    Attributes:
        part: "train", "validation" or "test".
        index: its index in that part; -1 for a file that could not be read.
        name: what messages call it.
        label: the name of its class, "" if unknown.
    """

    part: str
    index: int
    name: str
    label: str = ""


@dataclass(frozen=True)
class Case:
    """One image, or one pair of images, that a finding is about.

    Attributes:
        images: the image, or the two of the pair.
        caption: what to see in it, in a few words.
        remove: which of the images to leave out, if that is the remedy.
    """

    images: tuple[ImageReference, ...]
    caption: str
    remove: int | None = None


@dataclass(frozen=True)
class Finding:
    """One fault of a dataset, or a fact about it.

    Attributes:
        id: a stable identifier for programs, e.g. "exact-duplicates-test".
        title: a heading.
        severity: "problem", "warning" or "note".
        count: how many images (or classes) are affected.
        total: out of how many.
        message: what was found, in one sentence without a full stop.
        advice: what to do, in one sentence.
        cases: all images, or pairs, that it is about; of classes a few images that illustrate it.
        classes: all classes that it is about.
    """

    id: str
    title: str
    severity: Severity
    count: int
    total: int
    message: str
    advice: str
    cases: tuple[Case, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The message and the advice as one sentence, for the notes of a run."""
        return f"{self.message}; {self.advice[:1].lower()}{self.advice[1:]}"


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, most severe first, keeping the order of equally severe ones."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def count_images(count: int, adjective: str = "") -> str:
    """Return a number of images in words.

    Example:
        >>> count_images(1, "test"), count_images(2000)
        ('1 test image', '2,000 images')
    """
    noun = "image" if count == 1 else "images"
    return f"{count:,} {adjective} {noun}" if adjective else f"{count:,} {noun}"
