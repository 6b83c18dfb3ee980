"""`Exercise`: a network whose shapes and parameters are to be worked out by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from clearsight.models.api import trace
from clearsight.models.comparison import TraceComparison
from clearsight.models.layer_trace import LayerTrace
from clearsight.models.trace import Trace

Answer = tuple[int, ...]  # a shape without the batch axis, or a single count


@dataclass(frozen=True)
class Exercise:
    """One of the lesson's exercises.

    Attributes:
        name: what the user types.
        task: the question, in a few sentences.
        model_arguments: how its network differs from the lesson's.
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
        """Compare the lesson's network with the exercise's; None if they are the same."""
        if not self.model_arguments:
            return None
        return trace("lesson", against="lesson", against_arguments=self.model_arguments)


@dataclass(frozen=True)
class Question:
    """A question about one layer.

    Attributes:
        layer: of the built network.
        quantity: what to work out.
        expected: its value in the built network.
        text: the question, with the settings that the answer follows from.
        explanation: the formula of the answer, with its numbers.
    """

    layer: LayerTrace
    quantity: Literal["output_shape", "num_parameters"]
    expected: Answer
    text: str
    explanation: str


def questions_about(network: Trace, *, with_parameters: bool = False) -> Iterator[Question]:
    """Ask for each layer's output shape, and then for each layer's parameters if wanted."""
    for layer in network.layers:
        formula = f"{layer.size_formula}{_reason_for_channels(layer)}"
        text = f"{_described(layer)}: output shape?"
        yield Question(layer, "output_shape", layer.output_shape, text, formula)
    for layer in network.layers if with_parameters else ():
        formula = layer.parameter_formula or "the layer has no weights, so 0"
        text = f"{_described(layer)}: parameters?"
        yield Question(layer, "num_parameters", (layer.num_parameters,), text, formula)


def _described(layer: LayerTrace) -> str:
    return ", ".join(filter(None, (f"{layer.name} {layer.layer_type}", layer.description)))


def _reason_for_channels(layer: LayerTrace) -> str:
    """Return what a layer's number of channels follows from."""
    if "filters" in layer.settings:
        return f", and one channel for each of the {layer.settings['filters']} filters"
    if "pool_size" in layer.settings:
        return f", and pooling keeps the {layer.output_shape[-1]} channels"
    return ""
