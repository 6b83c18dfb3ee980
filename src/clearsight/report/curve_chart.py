"""`CurveChart`: training curves that a notebook displays, and the same on matplotlib's axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.display.html import Html, element, output
from clearsight.errors import MissingExtraError, RequestError
from clearsight.evaluation.curve.gap import Gap
from clearsight.evaluation.curve.reading import CurveReading
from clearsight.report.chart_file import (
    IN_THEME,
    ON_WHITE,
    Ink,
    chart_svg,
    import_altair,
    write_chart,
)
from clearsight.report.curves import curve_panels, overlaid_panels
from clearsight.training.history import History

_METRICS = ("accuracy", "loss")


@dataclass(frozen=True, repr=False)
class CurveChart:
    """Accuracy and loss over the epochs, of one run or of several.

    A notebook displays it in the colours of its theme; `save` writes it on white.

    Attributes:
        curves: name and history of each run.
        reading: of the only run: its gap is shaded and its best epoch marked; None for several
            runs.
    """

    curves: Sequence[tuple[str, History]]
    reading: CurveReading | None = None

    def save(self, path: str | Path) -> None:
        """Write the chart as PNG, replacing `path`.

        Raises:
            RequestError: when the name does not end in .png.
            MissingExtraError: when altair or vl-convert is not installed.
            OutputError: when it cannot be written.
        """
        if Path(path).suffix.lower() != ".png":
            raise RequestError(f"A chart's file should be named FILE.png, but is '{path}'.")
        alt = import_altair("The chart")
        write_chart(alt.hconcat(*self._panels(ON_WHITE), spacing=30), Path(path))

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
        history, reading = self.curves[0][1], self.reading
        assert reading is not None  # it is a run's
        best = reading.best_epoch, reading.lowest_val_loss_epoch
        for ax, metric, epoch in zip(given, _METRICS, best, strict=False):
            _draw_metric(ax, history, metric, epoch)
        if reading.gap.is_of_weights:
            _mark_last_training(given[0], history, reading.gap)
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
        if self.reading is not None:
            return curve_panels(self.curves[0][1], self.reading, ink)
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


def _draw_metric(ax: Any, history: History, metric: str, best_epoch: int) -> None:
    """Draw one metric: two lines, the gap between them shaded, and the best epoch circled."""
    epochs, training = history["epoch"], history[metric]
    validation = history[f"val_{metric}"]
    ax.fill_between(epochs, training, validation, color="#888", alpha=0.16, linewidth=0)
    for values, name, color in (
        (training, "training", ON_WHITE.training),
        (validation, "validation", ON_WHITE.validation),
    ):
        label = f"{name} {values[-1]:.3f}"
        ax.plot(epochs, values, color=color, marker="o", markersize=4, label=label)
    circle = {"markersize": 11, "fillstyle": "none", "linestyle": "none"}
    best = validation[best_epoch - 1]
    label = f"best in epoch {best_epoch}"
    ax.plot([best_epoch], [best], "o", color=ON_WHITE.validation, label=label, **circle)
    ax.set_xlim(0.5, len(epochs) + 0.5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel(metric)
    ax.legend()


def _mark_last_training(ax: Any, history: History, gap: Gap) -> None:
    """Mark the training accuracy after the last epoch, of which the gap is."""
    label = f"training after the last epoch {gap.train:.3f}, gap {100 * gap.value:+.1f} points"
    style = {"color": ON_WHITE.training, "fillstyle": "none", "markersize": 9, "label": label}
    ax.plot([len(history)], [gap.train], "D", **style)
    ax.legend()
