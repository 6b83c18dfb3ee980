"""Reading a training curve: the gap at its end with its uncertainty, and what it means."""

from collections.abc import Callable
from dataclasses import dataclass

from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.evaluation.curve.failure import failed, validation_at_chance
from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import Gap
from clearsight.evaluation.curve.instability import noisy_plateau, unstable, unstable_start
from clearsight.evaluation.curve.overfitting import overfitting
from clearsight.evaluation.curve.progress import (
    converged,
    still_fitting,
    still_learning,
    too_noisy,
    too_short,
    too_short_for_plateau,
    unclear_rise,
    underfitting,
)
from clearsight.evaluation.curve.statistics import CurveStatistics
from clearsight.evaluation.curve.validation import easier_validation, leaked_validation
from clearsight.training.history import History

# A curve is in the first of these states that applies; `converged` always does.
_STATES: tuple[Callable[[CurveStatistics], CurveFinding | None], ...] = (
    too_short,
    overfitting,
    still_learning,
    too_short_for_plateau,
    too_noisy,
    still_fitting,
    unclear_rise,
    noisy_plateau,
    underfitting,
    converged,
)


@dataclass(frozen=True)
class CurveReading:
    """What a training curve shows.

    Attributes:
        findings: at least one, the most important first.
        gap: training minus validation accuracy after the last epoch.
        best_epoch: the first epoch with the highest validation accuracy.
        best_val_accuracy: validation accuracy in that epoch.
        lowest_val_loss_epoch: the epoch with the lowest validation loss.
        num_epochs: how many epochs the curve has.
    """

    findings: tuple[CurveFinding, ...]
    gap: Gap
    best_epoch: int
    best_val_accuracy: float
    lowest_val_loss_epoch: int
    num_epochs: int

    @property
    def sentence(self) -> str:
        """The reading in a few sentences."""
        sentences = " ".join(finding.sentence for finding in self.findings)
        if self.findings[0].name == "diverged":
            return sentences
        return (
            f"{sentences} Validation accuracy was best in epoch {self.best_epoch} of "
            f"{self.num_epochs} ({self.best_val_accuracy:.3f}), validation loss in epoch "
            f"{self.lowest_val_loss_epoch}."
        )


def read_curve(
    history: History, context: CurveContext, outcomes: ImageOutcomes | None = None
) -> CurveReading:
    """Read a training curve.

    The training accuracy of a history is Keras's: a mean over the epoch, while the weights keep
    changing. It lags behind what the final weights reach, so the gap is understated rather than
    overstated; `outcomes` avoids that.

    Args:
        history: at least one epoch.
        context: what the curve does not show by itself.
        outcomes: results on single images after the last epoch, if known.
    """
    curve = CurveStatistics(history, context, outcomes)
    best = history[curve.best_epoch - 1]
    return CurveReading(
        findings=_findings(curve),
        gap=curve.end_gap,
        best_epoch=best.epoch,
        best_val_accuracy=best.val_accuracy,
        lowest_val_loss_epoch=history[curve.lowest_epoch - 1].epoch,
        num_epochs=history[-1].epoch,
    )


def _findings(curve: CurveStatistics) -> tuple[CurveFinding, ...]:
    """Return at least one finding, the most important first."""
    failure = failed(curve)
    if failure is not None:
        return (failure,)
    leak = leaked_validation(curve)
    jumps = None if curve.is_short else unstable(curve)
    first = tuple(finding for finding in (leak, jumps) if finding is not None)
    if jumps is not None:
        return first  # anything else that it shows may be due to the jumps
    state = next(finding for rule in _STATES if (finding := rule(curve)) is not None)
    if leak is not None:
        # Leaked images may hide that it has not levelled off.
        is_hidden = state.name in ("unstable", "underfitting", "converged")
        return first if is_hidden else (leak, state)
    states = (state,)
    if state.name == "still-learning" and not curve.is_short:
        if start := unstable_start(curve):
            return (start,)
        if few := too_noisy(curve):
            states = (state, few)
    at_chance = validation_at_chance(curve)
    if at_chance is not None:
        return (*states, at_chance)
    easier = easier_validation(curve)
    if easier is None:
        return states
    # Easier images come first, unless training images were made harder on purpose.
    return (*states, easier) if curve.context.is_made_harder else (easier, *states)
