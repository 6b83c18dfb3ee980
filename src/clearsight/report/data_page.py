"""The page of `clearsight data check`: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.health.finding import Example, Finding, ImageReference
from clearsight.data.splits.splits import Splits
from clearsight.report.rendering import write_page
from clearsight.report.thumbnail import thumbnail

_MOST_CLASSES = 50  # whose balance is drawn
_WORDS = {"problem": "Problem", "warning": "Warning", "note": "Note"}


@dataclass(frozen=True)
class DataPage:
    """What the page shows.

    Attributes:
        source: what the images are called.
        splits: the images.
        findings: the gravest first.
        not_done: sentences on what was left out.
        seconds: how long the checks took.
    """

    source: str
    splits: Splits
    findings: Sequence[Finding]
    not_done: Sequence[str]
    seconds: float


def write_data_page(page: DataPage, path: Path) -> None:
    """Write the page, replacing `path` whole.

    Raises:
        MissingExtraError: when jinja2 is not installed.
        OutputError: when the page cannot be written.
    """
    write_page(
        "data_page.html",
        path,
        source=page.source,
        parts=[_part(name, images) for name, images in page.splits.parts.items()],
        findings=[_shown_finding(page.splits, finding) for finding in page.findings],
        counts=_counts(page.findings),
        balance=_balance(page.splits),
        num_left_out=max(page.splits.train.num_classes - _MOST_CLASSES, 0),
        not_done=page.not_done,
        notes=page.splits.load_report.notes,
        skipped=page.splits.load_report.skipped,
        seconds=page.seconds,
    )


def _part(name: str, images: Any) -> dict[str, Any]:
    height, width, channels = images.image_shape
    return {"name": name, "num_images": len(images), "shape": f"{height}x{width}x{channels}"}


def _counts(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    """Count findings by severity, those that occur: [("problem", 2), ...]."""
    counts = {word: sum(finding.severity == word for finding in findings) for word in _WORDS}
    return [(word, count) for word, count in counts.items() if count]


def _shown_finding(splits: Splits, finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "title": finding.title,
        "severity": finding.severity,
        "word": _WORDS[finding.severity],
        "count": finding.count,
        "examined": finding.examined,
        "found": finding.found,
        "advice": finding.advice,
        "examples": [_shown_example(splits, example) for example in finding.examples],
    }


def _shown_example(splits: Splits, example: Example) -> dict[str, Any]:
    images = []
    for reference in example.images:
        if reference.index >= 0:  # a file that could not be read has no image
            image = splits.parts[reference.part].images[reference.index]
            images.append(thumbnail(image))
    names = [_called(reference) for reference in example.images]
    return {"images": images, "caption": example.caption, "names": names}


def _called(reference: ImageReference) -> str:
    return f"{reference.part}, {reference.name}"


def _balance(splits: Splits) -> list[dict[str, Any]]:
    """Return each class with its count in every part and the length of its bar."""
    parts = splits.parts
    most = max(int(images.class_counts[:_MOST_CLASSES].max()) for images in parts.values())
    return [
        {
            "name": name,
            "counts": [int(images.class_counts[label]) for images in parts.values()],
            "share": 100 * int(splits.train.class_counts[label]) / max(most, 1),
        }
        for label, name in enumerate(splits.train.class_names[:_MOST_CLASSES])
    ]
