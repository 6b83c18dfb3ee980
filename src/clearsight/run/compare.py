"""Comparing runs on the test images that they share, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.errors import RunError
from clearsight.evaluation.comparison.class_changes import ClassChange, class_changes
from clearsight.evaluation.comparison.paired import PairedComparison
from clearsight.evaluation.intervals.proportions import Interval, wilson_interval
from clearsight.run.store.run import Run
from clearsight.run.test_set.shared_images import shared_images


@dataclass(frozen=True)
class RunComparison:
    """What came out of comparing the first run with the others.

    Attributes:
        runs: the runs, in the order given.
        num_images: how many test images they share.
        num_left_out: how many test images of some run another has trained or validated on.
        num_correct: how many of the shared images each run names rightly.
        against_first: of each run but the first, the first's comparison with it.
        by_class: likewise, class by class, the most telling first.
    """

    runs: tuple[Run, ...]
    num_images: int
    num_left_out: int
    num_correct: tuple[int, ...]
    against_first: tuple[PairedComparison, ...]
    by_class: tuple[tuple[ClassChange, ...], ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Of each run on the shared images."""
        return tuple(correct / self.num_images for correct in self.num_correct)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """Wilson's 95% interval of each accuracy."""
        return tuple(wilson_interval(correct, self.num_images) for correct in self.num_correct)


def compare_runs(paths: Sequence[Path]) -> RunComparison:
    """Compare runs on the images that are test images of all and were seen by none.

    Args:
        paths: the runs' folders, at least two.

    Raises:
        RunError: when there are fewer, their classes or sizes differ, or they share no test
            images.
        DataError: when a run has no test images.
    """
    if len(paths) < 2:
        raise RunError("At least two runs should be compared, but one was given: name another.")
    runs = tuple(Run.load(path) for path in paths)
    shared = shared_images(runs)
    columns = [shared.named_rightly(run) for run in runs]
    first, labels = columns[0], shared.labels
    return RunComparison(
        runs,
        len(shared),
        shared.num_left_out,
        tuple(int(column.sum()) for column in columns),
        tuple(PairedComparison.of(first, column) for column in columns[1:]),
        tuple(class_changes(first, column, labels, shared.class_names) for column in columns[1:]),
    )
