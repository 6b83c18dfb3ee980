"""`Exercise`: a network to predict, layer by layer, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from clearsight.models.comparison import TraceComparison, compare_traces
from clearsight.models.table import format_shape
from clearsight.models.trace import LayerTrace, Trace, trace
from clearsight.run.exercises.answer import Answer

Asked = Literal["output_shape", "num_parameters"]


@dataclass(frozen=True)
class Exercise:
    """One of the lesson's exercises.

    Attributes:
        name: what the user types.
        task: what is to be predicted, in a sentence.
        model_arguments: what makes the exercise's network of the lesson's; none is the lesson's.
        trains: whether both networks are trained and compared afterwards.
    """

    name: str
    task: str
    model_arguments: dict[str, Any] = field(default_factory=dict)
    trains: bool = False

    def trace(self) -> Trace:
        """Build the exercise's network and trace it."""
        return trace("lesson", **self.model_arguments)

    def changes(self) -> TraceComparison | None:
        """Hold the lesson's network against the exercise's; None where it is the same one."""
        return compare_traces(trace("lesson"), self.trace()) if self.model_arguments else None


@dataclass(frozen=True)
class Question:
    """What to predict of one layer.

    Attributes:
        layer: of the built network.
        asked: which of its numbers.
    """

    layer: LayerTrace
    asked: Asked

    @property
    def expected(self) -> Answer:
        """What the built network has."""
        if self.asked == "output_shape":
            return self.layer.output_shape
        return (self.layer.num_parameters,)

    @property
    def text(self) -> str:
        """The question, without what would give away another's answer."""
        what = "output shape" if self.asked == "output_shape" else "parameters"
        return f"{self.layer.name} {self.layer.layer_type}{_described(self.layer)}: {what}?"

    @property
    def worked(self) -> str:
        """How the right answer comes about, with its numbers."""
        if self.asked == "output_shape":
            return f"{self.layer.size_formula}{_channels(self.layer)}"
        return self.layer.parameter_formula or "it has no weights, so 0"


@dataclass(frozen=True)
class Checked:
    """An answer held against the built network.

    Attributes:
        question: what was asked.
        given: the answer; None where there is none, or none that can be read.
        problem: why it cannot be read, in a sentence; "" where it can.
    """

    question: Question
    given: Answer | None
    problem: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the prediction came true."""
        return self.given == self.question.expected

    @property
    def sentence(self) -> str:
        """Say whether it is right, and of a miss how the right answer comes about."""
        expected = _number_text(self.question.expected)
        if self.is_right:
            return f"right: {expected}"
        if self.given is None:
            said = self.problem or "no answer."
        else:
            said = f"{_number_text(self.given)} is not it."
        return f"{said} It is {expected}: {self.question.worked}"

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "layer": self.question.layer.name,
            "kind": self.question.layer.layer_type,
            "asked": self.question.asked,
            "given": None if self.given is None else list(self.given),
            "expected": list(self.question.expected),
            "is_right": self.is_right,
            "explanation": self.sentence,
        }


def questions_of(network: Trace, *, with_parameters: bool = False) -> Iterator[Question]:
    """Ask for each layer's output shape, and then for each layer's parameters if wanted."""
    for layer in network.layers:
        yield Question(layer, "output_shape")
    for layer in network.layers if with_parameters else ():
        yield Question(layer, "num_parameters")


def score_sentence(checked: Sequence[Checked]) -> str:
    """Say how many predictions came true."""
    num_right = sum(each.is_right for each in checked)
    return f"{num_right} of {len(checked)} right."


def _described(layer: LayerTrace) -> str:
    settings = layer.settings
    if "filters" in settings:
        rows, columns = settings["kernel_size"]
        return f", {settings['filters']} filters {rows}x{columns}, padding {settings['padding']}"
    if "pool_size" in settings:
        rows, columns = settings["pool_size"]
        return f" {rows}x{columns}, padding {settings['padding']}"
    return f", {settings['units']} units" if "units" in settings else ""


def _channels(layer: LayerTrace) -> str:
    """Say where the channels come from, which the formula of the size leaves out."""
    if "filters" in layer.settings:
        return f", and one channel for each of the {layer.settings['filters']} filters"
    if "pool_size" in layer.settings:
        return f", and pooling keeps the {layer.output_shape[-1]} channels"
    return ""


def _number_text(answer: Answer) -> str:
    return f"{answer[0]:,}" if len(answer) == 1 else format_shape(answer)
