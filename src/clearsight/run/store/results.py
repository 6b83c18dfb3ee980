"""`Results`: what a training achieved."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from clearsight.display.html import element, output
from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.interval import Interval
from clearsight.evaluation.scores.guessing import PartAccuracy, accuracy_scores
from clearsight.training.recipe import Count, PositiveCount

_Fraction = Annotated[float, Field(ge=0, le=1)]
_Difference = Annotated[float, Field(ge=-1, le=1)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class TestSetUses:
    """How often a test set has been used, the latest use included.

    Attributes:
        count: number of uses.
        num_runs: number of runs that used it.
        optimism: by how much the best of their accuracies is too high, at most about, as a
            fraction.
    """

    count: PositiveCount
    num_runs: PositiveCount
    optimism: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @property
    def sentence(self) -> str:
        """A warning that choosing the best of several runs is optimistic; "" for a single one."""
        if self.optimism == 0:
            return ""
        runs = "1 run" if self.num_runs == 1 else f"{self.num_runs:,} runs"
        return (
            f"This test set has been evaluated {self.count:,} times by {runs}; choosing the best "
            f"of them makes its score optimistic by up to about {100 * self.optimism:.1f} points."
        )


@dataclass(frozen=True)
class Results:
    """The contents of ``results.json``.

    Intervals are Wilson's 95% intervals, low and high. The accuracy of guessing is that of always
    predicting the class that is most common among the images in question; None in results of
    earlier versions.

    Accuracies are those of the saved weights. Training accuracy is therefore usually above that of
    ``history.csv``, which is Keras's: a mean over an epoch in which the weights kept changing, with
    augmentation and dropout.

    Attributes:
        train_accuracy: on training images as they are, without augmentation and dropout.
        train_count: number of training images.
        train_measured_count: number of training images that `train_accuracy` was measured on, at
            most 5,000, evenly spaced; None in results of earlier versions, where it was Keras's.
        train_accuracy_interval: of `train_accuracy`.
        train_guessing_accuracy: of guessing, on the training images.
        val_accuracy: that of ``history.csv`` in the epoch whose weights are saved.
        val_count: number of validation images.
        val_accuracy_interval: of `val_accuracy`.
        val_guessing_accuracy: of guessing, on the validation images.
        test_accuracy: on images used for nothing else; None without test images, or with
            `no_test`.
        test_count: number of test images.
        test_accuracy_interval: of `test_accuracy`.
        test_guessing_accuracy: of guessing, on the test images; None also without them.
        test_loss: mean cross-entropy in nats; None also if it is not finite.
        first_test_predictions: predicted labels of the first five test images.
        first_test_labels: their true labels.
        reading: what the curve shows, in a few sentences.
        gap: `train_accuracy` minus `val_accuracy`.
        gap_interval: Newcombe's 95% interval of it.
        best_epoch: the epoch with the highest validation accuracy.
        fit_seconds: of all epochs together.
        epoch_seconds: median over the epochs.
        total_seconds: wall-clock time from the request, or from the start of the program, to the
            results, with the epochs of earlier parts of a resumed run.
        findings: what the curve shows, most important first.
        weights_of_epoch: the epoch whose weights are saved and evaluated.
        test_leaked_count: number of test images that also appear in training, as far as searched.
        test_accuracy_without_leaked: on the other test images; None if none leaked, or all.
        test_set_uses: of this test set, this evaluation included; None if it was not evaluated.
    """

    train_accuracy: _Fraction
    train_count: PositiveCount
    train_accuracy_interval: tuple[_Fraction, _Fraction]
    val_accuracy: _Fraction
    val_count: PositiveCount
    val_accuracy_interval: tuple[_Fraction, _Fraction]
    reading: str
    gap: _Difference
    gap_interval: tuple[_Difference, _Difference]
    best_epoch: PositiveCount
    fit_seconds: _Seconds
    epoch_seconds: _Seconds
    total_seconds: _Seconds
    findings: tuple[CurveFinding, ...]
    weights_of_epoch: PositiveCount
    train_measured_count: PositiveCount | None = None
    train_guessing_accuracy: _Fraction | None = None
    val_guessing_accuracy: _Fraction | None = None
    test_accuracy: _Fraction | None = None
    test_count: Count = 0
    test_accuracy_interval: tuple[_Fraction, _Fraction] | None = None
    test_guessing_accuracy: _Fraction | None = None
    test_loss: float | None = None
    first_test_predictions: tuple[Count, ...] = ()
    first_test_labels: tuple[Count, ...] = ()
    test_leaked_count: Count = 0
    test_accuracy_without_leaked: _Fraction | None = None
    test_set_uses: TestSetUses | None = None

    @property
    def accuracies(self) -> tuple[PartAccuracy, ...]:
        """The accuracy on each set of images, the test set first if it was evaluated."""
        found = []
        for part, name in (("test", "test"), ("validation", "val"), ("training", "train")):
            value, interval, guessing, count = (
                getattr(self, f"{name}_{each}")
                for each in ("accuracy", "accuracy_interval", "guessing_accuracy", "count")
            )
            if part == "training":
                count = self.train_measured_count or count
            if value is not None and interval is not None:
                accuracy = Estimate(value, Interval(*interval), "wilson", count)
                found.append(PartAccuracy(part, accuracy, guessing))
        return tuple(found)

    @property
    def headline(self) -> str:
        """The accuracy that counts, with its interval: on test images, else validation images."""
        first = self.accuracies[0]
        return f"{first.part} accuracy {first.accuracy}"

    def __repr__(self) -> str:
        return f"Results({self.headline}, gap {self.gap:+.3f}, best epoch {self.best_epoch})"

    def _repr_html_(self) -> str:
        sentences = (*self.remarks(self.weights_of_epoch), self.reading)
        return output(accuracy_scores(self.accuracies), *(element("p", each) for each in sentences))

    def remarks(self, num_epochs: int) -> list[str]:
        """Return what must be known besides the accuracies: of which weights, on which images."""
        remarks = []
        if self.weights_of_epoch < num_epochs:
            remarks.append(
                f"The saved weights are those of epoch {self.weights_of_epoch} of {num_epochs}, "
                "which has the best validation accuracy."
            )
        if self.test_leaked_count:
            without = self.test_accuracy_without_leaked
            others = "there are no others"
            if without is not None:
                others = f"without them: test accuracy {without:.3f}"
            remarks.append(
                f"{self.test_leaked_count:,} of the test images also appear in the training set; "
                f"{others}."
            )
        if self.test_set_uses is not None and self.test_set_uses.sentence:
            remarks.append(self.test_set_uses.sentence)
        return remarks
