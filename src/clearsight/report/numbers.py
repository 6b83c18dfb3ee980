"""How a page writes numbers."""

from __future__ import annotations

from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.proportions import Interval


def percent(share: float) -> str:
    """Return "88.9%"."""
    return f"{100 * share:.1f}%"


def interval_in_percent(interval: Interval) -> str:
    """Return "87.7 to 90.0%"."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}%"


def estimate_in_percent(estimate: Estimate) -> dict[str, str]:
    """Return an estimate's value and interval in words, a dash where it is not defined."""
    if estimate.value is None or estimate.interval is None:
        return {"value": "–", "interval": "not defined"}
    return {"value": percent(estimate.value), "interval": interval_in_percent(estimate.interval)}
