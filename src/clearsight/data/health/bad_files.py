"""Reports images that cannot be read, and rows of a table without a path or with several labels."""

from collections.abc import Iterator

from clearsight.data.health.finding import Case, Finding, ImageReference, count_images
from clearsight.data.health.image_pool import ImagePool


def check(pool: ImagePool) -> Iterator[Finding]:
    """Report the images that the loader skipped because it could not read them."""
    report = pool.splits.load_report
    bad = report.bad_files
    if bad:
        yield Finding(
            id="bad-files",
            title="Unusable images",
            severity="warning",
            count=len(bad),
            total=max(report.num_listed, len(pool) + len(bad)),
            message=f"{count_images(len(bad))} cannot be used and "
            f"{'is' if len(bad) == 1 else 'are'} left out, for example '{bad[0].name}'",
            advice="Replace, correct or delete these files or rows.",
            cases=tuple(
                Case((ImageReference(file.part, -1, file.name),), file.problem) for file in bad
            ),
        )
