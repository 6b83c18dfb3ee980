"""What is said about the images before every training, and which test images leak into it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clearsight.data.health import CHECKS
from clearsight.data.health.examined import ROLES, Examined
from clearsight.data.health.finding import Finding, by_severity
from clearsight.data.load_report import LoadReport
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit

MOST_NOTES = 5
# Near-duplicates among so many images, of so many values in all, are found in some tenths of a
# second on two cores; the work grows with the square of the one, and with the other.
_MOST_COMPARED, _MOST_VALUES = 6_000, 30_000_000


@dataclass(frozen=True, eq=False)
class Leaks:
    """Images to measure on that are also learned from.

    Attributes:
        test: bool (N,), which test images; empty where there are none.
        validation: int64 (M,), which of the images to validate on, counted as they lie in the
            part that they are taken from.
    """

    test: np.ndarray
    validation: np.ndarray

    @property
    def num_test(self) -> int:
        """How many test images are also learned from."""
        return int(self.test.sum())

    def accuracy_without(self, probabilities: np.ndarray, labels: np.ndarray) -> float | None:
        """Return the accuracy on the test images that are not learned from.

        Args:
            probabilities: float (N, K), what a network says of all test images.
            labels: integers (N,), their true labels.

        Returns:
            None where no test image is learned from, or all are.
        """
        if not self.test.any() or self.test.all():
            return None
        return float(np.mean((probabilities.argmax(axis=1) == labels)[~self.test]))


def short_check(splits: Splits, split: ValidationSplit) -> list[Finding]:
    """Run the checks that are cheap enough to come before every training, the gravest first.

    Args:
        splits: what will be trained and measured on.
        split: which training images will validate.
    """
    # What could not be read was told when the images were loaded.
    examined = _examined(replace(splits, load_report=LoadReport()), split)
    found = [
        finding for check in CHECKS.values() if check.is_short for finding in check.run(examined)
    ]
    return list(by_severity(found))


def notes_of(findings: list[Finding]) -> list[str]:
    """Put problems and warnings into sentences for the user, five at most."""
    told = [finding.sentence for finding in findings if finding.severity != "note"]
    if len(told) <= MOST_NOTES:
        return told
    more = len(told) - (MOST_NOTES - 1)
    return [
        *told[: MOST_NOTES - 1],
        f"{more} more things about the images stand in `clearsight data check`.",
    ]


def leaks(splits: Splits, split: ValidationSplit) -> Leaks:
    """Tell which test and validation images are, or show the same as, images learned from.

    Args:
        splits: what is trained and measured on.
        split: which training images validate.
    """
    examined = _examined(splits, split)
    learned = examined.roles == ROLES.index("train")
    is_known = np.zeros(int(examined.contents.max()) + 1, dtype=bool)
    is_known[examined.contents[learned]] = True
    if len(examined.similar):
        # What nearly equals a known image is known too; the pairs stand for equal images.
        one, other = (
            examined.contents[numbers]
            for numbers in (examined.similar.first, examined.similar.second)
        )
        is_known[np.concatenate([one[is_known[other]], other[is_known[one]]])] = True
    leaked = is_known[examined.contents]
    validation = np.flatnonzero(leaked & (examined.roles == ROLES.index("validation")))
    # Images to validate on lie in the first part, or wholly in the second.
    if splits.validation is not None:
        validation = validation - len(splits.train)
    return Leaks(leaked[examined.roles == ROLES.index("test")], validation)


def _examined(splits: Splits, split: ValidationSplit) -> Examined:
    parts = splits.parts.values()
    is_quick = sum(map(len, parts)) <= _MOST_COMPARED
    is_quick &= sum(images.images.size for images in parts) <= _MOST_VALUES
    return Examined(splits, split.validation, searches_near_duplicates=is_quick)
