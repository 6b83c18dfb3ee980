"""Reading the training curve: the gap at its end with its uncertainty, and what it means."""

from __future__ import annotations

from dataclasses import dataclass

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.findings import find
from clearsight.evaluation.curve.measures import Circumstances, CurveMeasures
from clearsight.evaluation.curve.outcomes import Outcomes
from clearsight.evaluation.intervals.proportions import Interval
from clearsight.training.history import History


@dataclass(frozen=True)
class CurveReading:
    """What a training curve says.

    Attributes:
        findings: what it says, what matters most first; at least one.
        gap: training minus validation accuracy in the last epoch.
        gap_interval: its 95% interval.
        best_epoch: where validation accuracy was highest (the first such epoch).
        best_val_accuracy: its value there.
        lowest_val_loss_epoch: where validation loss was lowest.
        num_epochs: how many epochs the curve has.
    """

    findings: tuple[CurveFinding, ...]
    gap: float
    gap_interval: Interval
    best_epoch: int
    best_val_accuracy: float
    lowest_val_loss_epoch: int
    num_epochs: int

    @property
    def sentence(self) -> str:
        """The reading in a few sentences."""
        said = " ".join(finding.sentence for finding in self.findings)
        if self.findings[0].name == "diverged":
            return said
        return (
            f"{said} Validation accuracy was best in epoch {self.best_epoch} of {self.num_epochs} "
            f"({self.best_val_accuracy:.3f}), validation loss in epoch "
            f"{self.lowest_val_loss_epoch}."
        )


def read_curve(
    history: History, circumstances: Circumstances, outcomes: Outcomes | None = None
) -> CurveReading:
    """Read a training curve.

    The training accuracy of a history is Keras's: a mean over the epoch, while the weights were
    moving. It lags behind what the final weights would reach, so the gap is rather under- than
    overstated; `outcomes` has none of that.

    Args:
        history: at least one epoch.
        circumstances: what the curve does not show by itself.
        outcomes: what the last weights do with single images, where that is known.
    """
    measures = CurveMeasures(history, circumstances, outcomes)
    gap, interval = measures.gap(measures.num_epochs)
    best = history[measures.best_epoch - 1]
    return CurveReading(
        findings=find(measures),
        gap=gap,
        gap_interval=interval,
        best_epoch=best.epoch,
        best_val_accuracy=best.val_accuracy,
        lowest_val_loss_epoch=history[measures.lowest_epoch - 1].epoch,
        num_epochs=history[-1].epoch,
    )
