"""Several networks side by side, as a notebook displays them."""

from collections.abc import Sequence

from clearsight.display.html import Html, interval_bar, table
from clearsight.evaluation.intervals.interval import Interval


def accuracy_table(rows: Sequence[tuple[str, float, Interval | None]]) -> Html:
    """Return a table of networks with their accuracies, whose intervals are drawn on one axis.

    Args:
        rows: for each network its name, its accuracy, and the interval if there is one.
    """
    ends = [(each.low, each.high) if each else (value, value) for _, value, each in rows]
    axis = min(low for low, _ in ends), max(high for _, high in ends)
    cells = (
        (name, f"{value:.3f}", f"{low:.3f} to {high:.3f}", interval_bar(value, (low, high), axis))
        for (name, value, _), (low, high) in zip(rows, ends, strict=True)
    )
    return table(("run", "test accuracy", "95% interval", ""), cells)
