"""How a page formats numbers; `rendering` offers these functions to its template as filters."""

from clearsight.evaluation.intervals.interval import Interval


def percent(fraction: float | None) -> str:
    """Return "88.9%", or a dash if the fraction is undefined."""
    return "–" if fraction is None else f"{100 * fraction:.1f}%"


def interval_in_percent(interval: Interval | None) -> str:
    """Return "87.7 to 90.0%", or "undefined"."""
    return (
        "undefined" if interval is None else f"{100 * interval.low:.1f} to {percent(interval.high)}"
    )


def signed(value: float) -> str:
    """Return a number with four decimals and a proper minus sign."""
    return f"{value:.4f}".replace("-", "−")
