"""How a page formats numbers."""

from __future__ import annotations

from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.interval import Interval


def percent(fraction: float) -> str:
    """Return "88.9%"."""
    return f"{100 * fraction:.1f}%"


def interval_in_percent(interval: Interval) -> str:
    """Return "87.7 to 90.0%"."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}%"


def estimate_in_percent(estimate: Estimate) -> dict[str, str]:
    """Return an estimate's value and interval as text, a dash if it is undefined."""
    if estimate.value is None or estimate.interval is None:
        return {"value": "–", "interval": "undefined"}
    return {"value": percent(estimate.value), "interval": interval_in_percent(estimate.interval)}


def signed(value: float) -> str:
    """Return a number with four decimals and a proper minus sign."""
    return f"{value:.4f}".replace("-", "−")
