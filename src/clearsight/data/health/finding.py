"""`Finding`: one thing that is wrong, or worth knowing, about images before anything trains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["problem", "warning", "note"]

# Problems make a score wrong or a training pointless; warnings may; notes are worth knowing.
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note")
MOST_EXAMPLES = 9


@dataclass(frozen=True)
class ImageReference:
    """Which image is meant.

    Attributes:
        part: "train", "validation" or "test".
        index: its place in that part.
        name: what messages call it.
    """

    part: str
    index: int
    name: str


@dataclass(frozen=True)
class Example:
    """An image that shows what was found, or two that belong together.

    Attributes:
        images: one, or the two of a pair.
        caption: what is to be seen, in a few words.
    """

    images: tuple[ImageReference, ...]
    caption: str


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        id: what programs call it, e.g. "exact-duplicates-across-parts".
        title: what people call it.
        severity: "problem", "warning" or "note".
        count: how many images (or classes) are concerned.
        examined: of how many.
        found: what was found, in one sentence.
        advice: what to do, in one sentence.
        examples: up to nine images, or pairs, that show it.
    """

    id: str
    title: str
    severity: Severity
    count: int
    examined: int
    found: str
    advice: str
    examples: tuple[Example, ...] = ()

    @property
    def sentence(self) -> str:
        """What was found and what to do, as one sentence for the notes of a training."""
        return f"{self.found}; {self.advice[:1].lower()}{self.advice[1:]}"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON-ready values."""
        return asdict(self)


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with the gravest first, otherwise in their order."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def images_in_words(count: int, kind: str = "") -> str:
    """Return e.g. "1 test image" or "2,000 images".

    Example:
        >>> images_in_words(1, "test"), images_in_words(2000)
        ('1 test image', '2,000 images')
    """
    noun = "image" if count == 1 else "images"
    return f"{count:,} {kind} {noun}" if kind else f"{count:,} {noun}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names in quotes, at most so many, e.g. "'a', 'b' and 3 more".

    Example:
        >>> listed(["a", "b", "c"], most=2)
        "'a', 'b' and 1 more"
    """
    everything = [f"'{name}'" for name in names]
    more = f" and {len(everything) - most:,} more" if len(everything) > most else ""
    return ", ".join(everything[:most]) + more
