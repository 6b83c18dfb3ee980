"""What a training curve says, in the order in which it counts."""

from __future__ import annotations

from collections.abc import Callable

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.instability import diverged, restless, unstable
from clearsight.evaluation.curve.measures import CurveMeasures
from clearsight.evaluation.curve.overfitting import overfitting
from clearsight.evaluation.curve.progress import converged, still_learning, too_noisy, underfitting
from clearsight.evaluation.curve.validation import easier, leaked

# Each curve is in the first of these states that is found.
_STATES: tuple[Callable[[CurveMeasures], CurveFinding | None], ...] = (
    overfitting,
    too_noisy,
    still_learning,
    restless,
    underfitting,
    converged,
)


def find(measures: CurveMeasures) -> tuple[CurveFinding, ...]:
    """Read a curve.

    Returns:
        At least one finding, what matters most first.
    """
    ruined = diverged(measures)
    if ruined is not None:
        return (ruined,)
    leak, jumps = leaked(measures), unstable(measures)
    first = [told for told in (leak, jumps) if told is not None]
    if jumps is not None:
        return tuple(first)  # what else it shows may go with its jumps
    state = next(told for read in _STATES if (told := read(measures)) is not None)
    if first and state.name in ("unstable", "underfitting", "converged"):
        return tuple(first)  # such a curve has levelled off nowhere
    if not first and (found := easier(measures)) is not None:
        # What images that stand for no others say of the network comes second.
        is_fault = not measures.circumstances.is_made_harder
        return (found, state) if is_fault else (state, found)
    return (*first, state)
