"""One metric over the epochs of a run, as a chart for pages and for images.

Both lines with the gap between them shaded and labels at their ends, the best epoch, the epoch from
which the network overfits, and what guessing achieves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clearsight.evaluation.curve.finding import loss_text
from clearsight.report.chart_file import Ink, epoch_axis, epoch_rows
from clearsight.report.value_axis import ValueAxis
from clearsight.training.history import History

_PARTS = ("training", "validation")
_MAX_MARKS = 40  # epochs up to which each has a mark
_LABEL_HEIGHT = 30  # pixels of a label of two lines
_MARK_SIZE = 28


@dataclass(frozen=True)
class SavedWeights:
    """What a run's saved weights achieve, which its curve does not show.

    Attributes:
        epoch: after which they were saved.
        train_accuracy: theirs, on training images as they are.
        gap: that minus their validation accuracy.
    """

    epoch: int
    train_accuracy: float
    gap: float


@dataclass(frozen=True)
class CurveMarks:
    """What a chart of a training curve marks besides its lines; None for what is unknown.

    Attributes:
        saved: what the saved weights achieve.
        overfitting_since: the epoch from which the network overfits; None also if it does not.
        guessing_accuracy: of the validation images.
        guessing_loss: in nats.
    """

    saved: SavedWeights | None = None
    overfitting_since: int | None = None
    guessing_accuracy: float | None = None
    guessing_loss: float | None = None


class EpochChart:
    """A metric over the epochs.

    Attributes:
        title: the metric's name.
        rows: epoch, training and validation of each epoch; None for what is not finite.
        best: the row of the best validation value; None if there is none.
        guessing: what guessing achieves on the validation images; None if unknown.
        is_guessing_far: whether it is so far from the lines that the axis has a break.
        saved: what the saved weights achieve, in a chart of accuracy; None if unknown.
        captions: sentences that explain what is shaded, circled and left out.
    """

    def __init__(self, history: History, metric: str, marks: CurveMarks, height: int) -> None:
        """Prepare a chart.

        Args:
            history: at least one epoch; losses may be infinite or not a number.
            metric: "accuracy" or "loss".
            marks: what is marked.
            height: of the plot, in pixels.
        """
        self.title = metric.capitalize()
        self._is_loss = metric == "loss"
        # JSON cannot represent NaN and infinity.
        self.rows: list[dict[str, Any]] = [
            {name: value if math.isfinite(value) else None for name, value in row.items()}
            for row in epoch_rows(history, metric)
        ]
        self._marks = marks
        self.guessing = marks.guessing_loss if self._is_loss else marks.guessing_accuracy
        self.saved = None if self._is_loss else marks.saved
        values = [row[part] for row in self.rows for part in _PARTS if row[part] is not None]
        values += [self.saved.train_accuracy] if self.saved is not None else []
        largest = math.inf if self._is_loss else 1.0
        self._axis = ValueAxis.of(values, self.guessing, height, largest)
        self.best = self._best_row()
        self.is_guessing_far = self._axis.break_at is not None
        self.captions = self._describe()

    def layers(self, alt: Any, ink: Ink) -> list[Any]:
        """Return the chart's layers, which share their axes.

        Args:
            alt: the module altair.
            ink: the colours of the lines and labels.
        """
        first, last = self.rows[0]["epoch"], self.rows[-1]["epoch"]
        x = epoch_axis(alt, first, last)
        wide = alt.Chart(alt.InlineData(self.rows)).encode(x)
        layers = [self._gap(alt, x, ink), *self._guide_lines(alt, ink)]
        for part, color in zip(_PARTS, (ink.training, ink.validation), strict=True):
            line = wide.encode(self._axis.channel(alt, part))
            layers.append(line.mark_line(color=color, strokeWidth=2.2))
            if len(self.rows) <= _MAX_MARKS:
                layers.append(line.mark_point(color=color, filled=True, opacity=1, size=_MARK_SIZE))
        if self.best is not None:
            best = alt.Chart(alt.InlineData([self.best])).encode(
                x, self._axis.channel(alt, "validation")
            )
            circle = best.mark_point(color=ink.validation, opacity=1, size=150, strokeWidth=1.6)
            layers.append(circle)
        if self.saved is not None:
            point = {"epoch": self.saved.epoch, "training": self.saved.train_accuracy}
            diamond = alt.Chart(alt.InlineData([point])).mark_point(
                color=ink.training, shape="diamond", opacity=1, size=120, strokeWidth=1.6
            )
            layers.append(diamond.encode(x, self._axis.channel(alt, "training")))
        return layers + self._labels(alt, ink)

    def hover_layers(self, alt: Any, ink: Ink) -> list[Any]:
        """Return layers that show an epoch's values under the pointer."""
        rows = [
            {
                "start": row["epoch"] - 0.5,
                "end": row["epoch"] + 0.5,
                "epoch": row["epoch"],
                **{part: self._text(row[part]) for part in _PARTS},
            }
            for row in self.rows
        ]
        hover = alt.selection_point(
            fields=["epoch"], on="pointerover", clear="pointerout", empty=False
        )
        band = alt.Chart(alt.InlineData(rows)).mark_rect(color=ink.faint)
        x = epoch_axis(alt, rows[0]["epoch"], rows[-1]["epoch"], "start")
        tooltip = [alt.Tooltip(f"{name}:N") for name in ("epoch", *_PARTS)]
        opacity = alt.condition(hover, alt.value(0.16), alt.value(0))
        return [band.encode(x, alt.X2("end:Q"), opacity=opacity, tooltip=tooltip).add_params(hover)]

    def _gap(self, alt: Any, x: Any, ink: Ink) -> Any:
        """Shade what is between the lines, where both have a value."""
        rows = [row for row in self.rows if None not in row.values()]
        base = alt.Chart(alt.InlineData(rows)).encode(
            x, self._axis.channel(alt, "training"), alt.Y2("validation:Q")
        )
        if len(rows) == 1:  # an area would have no width
            return base.mark_rule(color=ink.faint, opacity=0.25, strokeWidth=12)
        return base.mark_area(color=ink.faint, opacity=0.18)

    def _guide_lines(self, alt: Any, ink: Ink) -> list[Any]:
        layers = []
        if self.guessing is not None:
            data = alt.Chart(alt.InlineData([{"guessing": self.guessing}]))
            rule = data.mark_rule(color=ink.faint, strokeDash=[5, 4])
            layers.append(rule.encode(self._axis.channel(alt, "guessing")))
        if self._axis.break_at is not None:
            text = alt.Chart(alt.InlineData([{}])).mark_text(
                text="//", color=ink.faint, fontSize=13, fontWeight="bold"
            )
            at_axis = {"x": alt.value(0), "y": alt.value(self._axis.break_at)}
            layers.append(text.encode(**at_axis))
        since = self._marks.overfitting_since
        if since is not None:
            data = alt.Chart(alt.InlineData([{"epoch": since}]))
            x = epoch_axis(alt, self.rows[0]["epoch"], self.rows[-1]["epoch"])
            is_late = since > (self.rows[0]["epoch"] + self.rows[-1]["epoch"]) / 2
            label = data.mark_text(
                text=f"overfits from epoch {since}",
                color=ink.text,
                fontSize=12,
                align="right" if is_late else "left",
                baseline="bottom",
            )
            layers.append(data.mark_rule(color=ink.text, opacity=0.55).encode(x))
            layers.append(label.encode(x, y=alt.value(-5)))
        return layers

    def _labels(self, alt: Any, ink: Ink) -> list[Any]:
        """Name each line at its end, without overlaps."""
        labels = [
            (part, row[part], color)
            for part, color in zip(_PARTS, (ink.training, ink.validation), strict=True)
            for row in [self._last_row(part)]
            if row is not None
        ]
        if self.guessing is not None:
            labels.append(("guessing", self.guessing, ink.faint))
        positions = self._axis.spread([value for _, value, _ in labels], _LABEL_HEIGHT)
        base = alt.Chart(alt.InlineData([{}]))
        return [
            base.mark_text(
                text=[name, self._text(value, 3)],
                color=color,
                fontSize=12,
                lineHeight=14,
                align="left",
                baseline="middle",
                dx=8,
                dy=-7,  # the first of two lines
            ).encode(x=alt.value("width"), y=alt.value(position))
            for (name, value, color), position in zip(labels, positions, strict=True)
        ]

    def _describe(self) -> list[str]:
        """Return what the chart shows, in sentences."""
        captions = ["Shaded: between training, a mean over each epoch, and validation."]
        if self.saved is not None:
            gap = f"{100 * self.saved.gap:.1f} points".replace("-", "−")
            captions.append(
                f"Diamond: training accuracy of the saved weights, "
                f"{self.saved.train_accuracy:.3f}; the gap is {gap}."
            )
        if self.best is not None:
            which = "lowest validation loss" if self._is_loss else "best validation accuracy"
            value = self._text(self.best["validation"], 3)
            captions.append(f"Circled: the {which}, {value} in epoch {self.best['epoch']}.")
        if self._axis.break_at is not None:
            captions.append("The axis has a break (//) between the curves and guessing.")
        missing = [row["epoch"] for row in self.rows if None in row.values()]
        if missing:
            captions.append(f"The loss is no finite number in {_list_epochs(missing)}.")
        return captions

    def _best_row(self) -> dict[str, Any] | None:
        rows = [row for row in self.rows if row["validation"] is not None]
        choose = min if self._is_loss else max
        return choose(rows, key=lambda row: row["validation"], default=None)

    def _last_row(self, part: str) -> dict[str, Any] | None:
        return next((row for row in reversed(self.rows) if row[part] is not None), None)

    def _text(self, value: float | None, digits: int = 4) -> str:
        return "not finite" if value is None else loss_text(value, digits)


def _list_epochs(epochs: Sequence[int]) -> str:
    """Return "epoch 3", or "2 epochs, first in epoch 3"."""
    if len(epochs) == 1:
        return f"epoch {epochs[0]}"
    return f"{len(epochs)} epochs, first in epoch {epochs[0]}"
