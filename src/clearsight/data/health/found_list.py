"""The table of everything that the checks found, image by image; `--remove-list` reads it."""

from collections.abc import Iterator, Sequence

from clearsight.data.health.finding import Finding
from clearsight.data.image_list import KEY_COLUMNS
from clearsight.data.splits.removal import REMOVE
from clearsight.data.splits.splits import Splits

COLUMNS = (*KEY_COLUMNS, "label", REMOVE, "finding", "severity", "about", "other_image")


def found_rows(findings: Sequence[Finding], splits: Splits) -> Iterator[Sequence[str | int]]:
    """Iterate over the rows of the table, cells in the order of `COLUMNS`.

    Each image of a case has a row; so has each class of a finding about classes, and each finding
    about neither. Images of sources without names are known by part and index.
    """
    for finding in findings:
        columns = (finding.id, finding.severity)
        for case in finding.cases:
            for index, image in enumerate(case.images):
                has_name = image.index < 0 or splits.parts[image.part].names is not None
                key = (image.name if has_name else "", image.part, image.index, image.label)
                others = [f"{other.part} {other.name}" for other in case.images if other != image]
                remove = "yes" if index == case.remove else ""
                yield (*key, remove, *columns, case.caption, *(others or [""]))
        for name in finding.classes:
            yield ("", "", "", name, "", *columns, finding.title, "")
        if not finding.cases and not finding.classes:
            yield ("", "", "", "", "", *columns, finding.message, "")


def num_marked(findings: Sequence[Finding]) -> int:
    """Return how many images are marked to be left out."""
    return len(
        {
            case.images[case.remove]
            for finding in findings
            for case in finding.cases
            if case.remove is not None
        }
    )
