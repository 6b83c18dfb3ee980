"""Images that could not be read."""

from __future__ import annotations

from clearsight.data.health.examined import Examined
from clearsight.data.health.finding import (
    MOST_EXAMPLES,
    Example,
    Finding,
    ImageReference,
    images_in_words,
)


def check(examined: Examined) -> list[Finding]:
    """Report what the loader left out because it could not be read."""
    report = examined.splits.load_report
    bad = report.bad_files
    if not bad:
        return []
    return [
        Finding(
            id="bad-files",
            title="Unreadable images",
            severity="warning",
            count=len(bad),
            examined=max(report.num_listed, len(examined) + len(bad)),
            found=f"{images_in_words(len(bad))} could not be read and "
            f"{'was' if len(bad) == 1 else 'were'} left out, the first of them '{bad[0].name}'",
            advice="Replace or delete the files named.",
            examples=tuple(
                # No image to show: the index is not one of the part's.
                Example((ImageReference(file.part, -1, file.name),), file.problem)
                for file in bad[:MOST_EXAMPLES]
            ),
        )
    ]
