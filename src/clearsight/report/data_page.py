"""The page of `clearsight data check`: one self-contained HTML file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.health.finding import SEVERITIES, Case, Finding
from clearsight.data.splits.splits import Splits
from clearsight.display.thumbnail import thumbnail
from clearsight.report.rendering import page_script, write_page

_MAX_CLASSES = 50  # in the table of class counts
_MAX_EXAMPLES = 9  # cases of a finding that are shown


@dataclass(frozen=True)
class DataPage:
    """The content of the page.

    Attributes:
        source: the name of the dataset.
        splits: the images.
        findings: the most severe first.
        skipped_checks: sentences that say which checks did not run, and why.
        seconds: wall-clock time since the check was requested.
        list_file: the CSV file that lists all cases, "" if there is none.
        command: trains without the images that the file marks; None if it marks none.
    """

    source: str
    splits: Splits
    findings: Sequence[Finding]
    skipped_checks: Sequence[str]
    seconds: float
    list_file: str = ""
    command: str | None = None


def write_data_page(page: DataPage, path: Path) -> None:
    """Write the page, replacing `path` atomically.

    Raises:
        MissingExtraError: when jinja2 is not installed.
        OutputError: when the page cannot be written.
    """
    splits = page.splits
    height, width, channels = splits.train.image_shape
    counts = Counter(finding.severity for finding in page.findings)
    write_page(
        "data_page.html",
        path,
        scripts=(page_script("copy.js"),),
        page=page,
        num_images={part: len(images) for part, images in splits.parts.items()},
        shape=f"{height}x{width}x{channels}",
        example_rows=[
            [_example_row(splits, case) for case in finding.cases[:_MAX_EXAMPLES]]
            for finding in page.findings
        ],
        max_examples=_MAX_EXAMPLES,
        counts=[(severity, counts[severity]) for severity in SEVERITIES if counts[severity]],
        class_rows=_class_rows(splits),
        num_classes_not_shown=max(splits.train.num_classes - _MAX_CLASSES, 0),
        load_report=splits.load_report,
    )


def _example_row(splits: Splits, case: Case) -> dict[str, Any]:
    images = [
        thumbnail(splits.parts[reference.part].images[reference.index])
        for reference in case.images
        if reference.index >= 0  # a file that could not be read has no image
    ]
    names = [f"{reference.part}, {reference.name}" for reference in case.images]
    return {"images": images, "caption": case.caption, "names": names}


def _class_rows(splits: Splits) -> list[dict[str, Any]]:
    """Return each class with its count in every part and the length of its bar in percent."""
    counts = [images.class_counts[:_MAX_CLASSES].tolist() for images in splits.parts.values()]
    largest = max(map(max, counts))
    return [
        {"name": name, "counts": row, "bar_percent": 100 * row[0] / max(largest, 1)}
        for name, *row in zip(splits.train.class_names[:_MAX_CLASSES], *counts, strict=True)
    ]
