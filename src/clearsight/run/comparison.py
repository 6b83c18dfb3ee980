"""Comparing runs on the test images that they share, image by image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.display.html import or_reason
from clearsight.evaluation.comparison.by_class import ClassComparison, compare_classes
from clearsight.evaluation.comparison.paired import PairedComparison
from clearsight.evaluation.intervals.interval import Interval
from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.scores.guessing import by_guessing, guessing_accuracy
from clearsight.io.displayed_text import displayed
from clearsight.report.comparison_markup import comparison_markup
from clearsight.run.store.run import Run
from clearsight.run.test_set.shared_images import check_several, shared_images


@dataclass(frozen=True)
class RunComparison:
    """A comparison of the first run with the others.

    Attributes:
        runs: the runs, in the order given.
        num_images: number of test images that they share.
        num_left_out: number of test images of some run that another has trained or validated on.
        guessing_accuracy: of always predicting the most common class, on the shared images.
        num_correct: number of the shared images that each run predicts correctly.
        against_first: for each run except the first, the first's comparison with it.
        by_class: for each run except the first, the same by class, the most significant first.
    """

    runs: tuple[Run, ...]
    num_images: int
    num_left_out: int
    guessing_accuracy: float
    num_correct: tuple[int, ...]
    against_first: tuple[PairedComparison, ...]
    by_class: tuple[tuple[ClassComparison, ...], ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Of each run on the shared images."""
        return tuple(correct / self.num_images for correct in self.num_correct)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """Wilson's 95% interval of each accuracy."""
        return tuple(wilson_interval(correct, self.num_images) for correct in self.num_correct)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What differs between the first run and each of the others, and in which classes."""
        first = str(self.runs[0].path)
        others = zip(self.runs[1:], self.against_first, self.by_class, strict=True)
        return tuple(
            sentence
            for other, pair, classes in others
            for sentence in (
                pair.sentence(first, str(other.path)),
                *(each.sentence(len(classes)) for each in classes if each.is_significant),
            )
        )

    def __repr__(self) -> str:
        paths = ", ".join(displayed(f"'{run.path}'") for run in self.runs)
        scores = ", ".join(f"{accuracy:.3f}" for accuracy in self.accuracies)
        return f"RunComparison({paths}: test accuracies {scores} on {self.num_images:,} images)"

    @or_reason
    def _repr_html_(self) -> str:
        names = (str(run.path) for run in self.runs)
        rows = list(zip(names, self.accuracies, self.intervals, strict=True))
        curves = [(str(run.path), run.history) for run in self.runs]
        heading = f"{self.num_images:,} test images that all runs share, "
        heading += by_guessing(self.guessing_accuracy)
        return comparison_markup(heading, rows, self.sentences, curves)


def compare_runs(paths: Sequence[Path], *, allow_download: bool = False) -> RunComparison:
    """Compare two or more runs on the test images that all share and that none has trained on.

    With `allow_download`, images that are not on this machine are downloaded.

    Raises:
        RunError: when there are fewer, their classes or sizes differ, or they share no test
            images.
        DataError: when a run has no test images.
    """
    check_several(paths)
    runs = tuple(Run.load(path, allow_download=allow_download) for path in paths)
    shared = shared_images(runs)
    first, *others = (shared.is_correct(run) for run in runs)
    labels, names = shared.labels, shared.class_names
    return RunComparison(
        runs,
        len(shared),
        shared.num_left_out,
        guessing_accuracy(shared.labels),
        tuple(int(is_correct.sum()) for is_correct in (first, *others)),
        tuple(PairedComparison.of(first, other) for other in others),
        tuple(compare_classes(first, other, labels, names) for other in others),
    )
