"""`CurveChart`: training curves that a notebook displays, and the same on matplotlib's axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.display.html import Html, element, output
from clearsight.errors import MissingExtraError, RequestError
from clearsight.io.argument_checks import check_path
from clearsight.report.chart_file import (
    HEIGHT,
    IN_THEME,
    ON_WHITE,
    Ink,
    chart_svg,
    import_altair,
    write_chart,
)
from clearsight.report.curves import curve_panels, overlaid_panels
from clearsight.report.epoch_chart import CurveMarks, EpochChart
from clearsight.training.history import History

_METRICS = ("accuracy", "loss")


@dataclass(frozen=True, repr=False)
class CurveChart:
    """Accuracy and loss over the epochs, of one run or of several.

    A notebook displays it in the colours of its theme; `save` writes it on white.

    Attributes:
        curves: name and history of each run.
        marks: what is marked besides the only run's lines; None for several runs.
    """

    curves: Sequence[tuple[str, History]]
    marks: CurveMarks | None = None

    def save(self, path: str | Path) -> None:
        """Write the chart as PNG, replacing `path`.

        Raises:
            RequestError: when the name does not end in .png.
            MissingExtraError: when altair or vl-convert is not installed.
            OutputError: when it cannot be written.
        """
        file = check_path(path, "A chart's file", "a path that ends in .png")
        if file.suffix.lower() != ".png":
            raise RequestError(f"A chart's file should be named FILE.png, but is '{path}'.")
        alt = import_altair("The chart")
        write_chart(alt.hconcat(*self._panels(ON_WHITE), spacing=30), file)

    def draw_on(self, axes: Any) -> Any:
        """Draw one run's curve on matplotlib's axes and return them.

        Args:
            axes: one, for accuracy, or two, for accuracy and loss: a tuple, a list, or an array of
                ``plt.subplots``.

        Raises:
            RequestError: when they are none of matplotlib's, or not one or two.
        """
        found = axes.flat if hasattr(axes, "flat") else axes
        given = list(found) if isinstance(found, Iterable) else [found]
        are_axes = all(hasattr(each, "fill_between") for each in given)
        if not 1 <= len(given) <= len(_METRICS) or not are_axes:
            what = f"{len(given)} of them" if are_axes else f"of type {type(axes).__name__}"
            raise RequestError(
                "ax should be one of matplotlib's axes, for the accuracy, or two, for accuracy "
                f"and loss, but is {what}: leave it out for a chart that needs no matplotlib."
            )
        assert self.marks is not None  # it is a run's
        for ax, metric in zip(given, _METRICS, strict=False):
            chart = EpochChart(self.curves[0][1], metric, self.marks, HEIGHT)
            _draw_metric(ax, chart, self.marks.overfitting_since)
        return axes

    @property
    def markup(self) -> Html:
        """The chart in the colours of the theme around it.

        Raises:
            MissingExtraError: when altair or vl-convert is not installed.
        """
        drawn = (Html(chart_svg(panel)) for panel in self._panels(IN_THEME))
        return element("div", *(element("div", svg) for svg in drawn), class_="charts")

    def _panels(self, ink: Ink) -> list[Any]:
        if self.marks is not None:
            return curve_panels(self.curves[0][1], self.marks, ink)
        return overlaid_panels(self.curves)

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self.curves)
        return f"CurveChart({names}: save('FILE.png') writes it; a notebook displays it)"

    def _repr_html_(self) -> str:
        return output(self.markup)


def chart_or_reason(chart: CurveChart) -> tuple[Html, ...]:
    """Return a chart's markup, or why there is none: without the extra, all else is displayed."""
    try:
        return (chart.markup,)
    except MissingExtraError as error:
        return (element("p", str(error), class_="faint"),)


def _draw_metric(ax: Any, chart: EpochChart, overfitting_since: int | None) -> None:
    """Draw one metric: two lines, what is between them shaded, and the chart's marks."""
    epochs = [row["epoch"] for row in chart.rows]
    lines = {part: [row[part] for row in chart.rows] for part in ("training", "validation")}
    values = {part: np.array(line, float) for part, line in lines.items()}  # None becomes NaN
    colors = {"training": ON_WHITE.training, "validation": ON_WHITE.validation}
    ax.fill_between(epochs, *values.values(), color="#888", alpha=0.16, linewidth=0)
    for part, line in values.items():
        label = f"{part} {line[-1]:.3f}"
        ax.plot(epochs, line, color=colors[part], marker="o", markersize=4, label=label)
    mark = {"fillstyle": "none", "linestyle": "none"}
    if chart.best is not None:
        epoch, value = chart.best["epoch"], chart.best["validation"]
        label, color = f"best in epoch {epoch}", colors["validation"]
        ax.plot([epoch], [value], "o", color=color, markersize=11, label=label, **mark)
    if chart.saved is not None:
        epoch, value = chart.saved.epoch, chart.saved.train_accuracy
        label = f"saved weights {value:.3f},\ngap {100 * chart.saved.gap:.1f} points"
        color = colors["training"]
        ax.plot([epoch], [value], "D", color=color, markersize=9, label=label, **mark)
    if overfitting_since is not None:
        label = f"overfits from epoch {overfitting_since}"
        ax.axvline(overfitting_since, color=ON_WHITE.faint, linewidth=1, label=label)
    if chart.guessing is not None:
        line = {"color": ON_WHITE.faint, "linestyle": "--", "linewidth": 1}
        label = f"guessing {chart.guessing:.3f}"
        if chart.is_guessing_far:  # it would squeeze the lines, as these axes have no break
            ax.plot([], [], label=f"{label}, off the axis", **line)
        else:
            ax.axhline(chart.guessing, label=label, **line)
    ax.set_xlim(0.5, len(epochs) + 0.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel(chart.title.lower())
    ax.legend()
