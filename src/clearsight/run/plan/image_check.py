"""Notes about the images before every training, and which test images leak into it."""

from dataclasses import dataclass, replace

import numpy as np

from clearsight.data.health import CHECKS
from clearsight.data.health.finding import Finding, by_severity
from clearsight.data.health.image_pool import ROLES, ImagePool
from clearsight.data.load_report import LoadReport
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit

_MAX_NOTES = 5
# Near-duplicates among so many images, of so many values in all, are found in some tenths of a
# second on two cores; the work grows with the square of the first, and linearly with the second.
_MAX_COMPARED, _MAX_VALUES = 6_000, 30_000_000


@dataclass(frozen=True, eq=False)
class Leaks:
    """Validation and test images that also appear in the training set.

    Attributes:
        test: bool (N,), which test images; empty without test images.
        validation: int64 (M,), which validation images, as indices in the part of the source that
            they are taken from.
    """

    test: np.ndarray
    validation: np.ndarray

    @property
    def num_test(self) -> int:
        """How many test images also appear in the training set."""
        return int(self.test.sum())

    def accuracy_without(self, probabilities: np.ndarray, labels: np.ndarray) -> float | None:
        """Return the accuracy on the test images that are not trained on; None if all or none are.

        Args:
            probabilities: float (N, K), predicted for all test images.
            labels: integers (N,), their true labels.
        """
        if not self.test.any() or self.test.all():
            return None
        return float(np.mean((probabilities.argmax(axis=1) == labels)[~self.test]))


@dataclass(frozen=True)
class ImageCheck:
    """What is known about the images before training.

    Attributes:
        findings: most severe first.
        leaks: which validation and test images also appear in the training set.
    """

    findings: tuple[Finding, ...]
    leaks: Leaks

    @property
    def notes(self) -> list[str]:
        """Problems and warnings in sentences for the user, at most five."""
        notes = [each.sentence for each in self.findings if each.severity != "note"]
        if len(notes) > _MAX_NOTES:
            more = len(notes) - (_MAX_NOTES - 1)
            more_findings = f"`clearsight data check` lists {more} more findings about the images."
            notes[_MAX_NOTES - 1 :] = [more_findings]
        return notes


def check_images(splits: Splits, split: ValidationSplit) -> ImageCheck:
    """Run the checks that are fast enough to run before every training."""
    # Unreadable files were reported when the images were loaded.
    splits = replace(splits, load_report=LoadReport())
    parts = splits.parts.values()
    is_quick = sum(map(len, parts)) <= _MAX_COMPARED
    is_quick &= sum(images.images.size for images in parts) <= _MAX_VALUES
    pool = ImagePool(splits, split.validation, searches_near_duplicates=is_quick, lists_cases=False)
    findings = [
        finding for check in CHECKS.values() if check.is_cheap for finding in check.run(pool)
    ]
    return ImageCheck(tuple(by_severity(findings)), _leaks(pool, splits))


def _leaks(pool: ImagePool, splits: Splits) -> Leaks:
    """Find the test and validation images that are, or nearly equal, training images."""
    learned = pool.roles == ROLES.index("train")
    is_known = np.zeros(int(pool.contents.max()) + 1, dtype=bool)
    is_known[pool.contents[learned]] = True
    if len(pool.similar):
        # What nearly equals a known image is known too; the pairs represent equal images.
        one, other = pool.contents[pool.similar.first], pool.contents[pool.similar.second]
        is_known[np.concatenate([one[is_known[other]], other[is_known[one]]])] = True
    leaked = is_known[pool.contents]
    validation = np.flatnonzero(leaked & (pool.roles == ROLES.index("validation")))
    # Without a validation part, the validation images are rows of the training set.
    if splits.validation is not None:
        validation = validation - len(splits.train)
    return Leaks(leaked[pool.roles == ROLES.index("test")], validation)
