"""`Exercise`: a network whose shapes and parameters are to be worked out by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from clearsight.models.comparison import TraceComparison, compare_traces
from clearsight.models.trace import LayerTrace, Trace, trace

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
        return compare_traces(trace("lesson"), self.trace()) if self.model_arguments else None


@dataclass(frozen=True)
class Question:
    """A question about one layer.

    Attributes:
        layer: of the built network.
        quantity: what to work out.
    """

    layer: LayerTrace
    quantity: Literal["output_shape", "num_parameters"]

    @property
    def expected(self) -> Answer:
        """The value in the built network."""
        if self.quantity == "output_shape":
            return self.layer.output_shape
        return (self.layer.num_parameters,)

    @property
    def text(self) -> str:
        """The question, with the settings that the answer follows from."""
        what = "output shape" if self.quantity == "output_shape" else "parameters"
        return f"{self.layer.name} {self.layer.layer_type}{_settings(self.layer)}: {what}?"

    @property
    def explanation(self) -> str:
        """The formula of the answer, with its numbers."""
        if self.quantity == "output_shape":
            return f"{self.layer.size_formula}{_channels(self.layer)}"
        return self.layer.parameter_formula or "the layer has no weights, so 0"


def questions_about(network: Trace, *, with_parameters: bool = False) -> Iterator[Question]:
    """Ask for each layer's output shape, and then for each layer's parameters if wanted."""
    for layer in network.layers:
        yield Question(layer, "output_shape")
    for layer in network.layers if with_parameters else ():
        yield Question(layer, "num_parameters")


def _settings(layer: LayerTrace) -> str:
    settings = layer.settings
    if "filters" in settings:
        rows, columns = settings["kernel_size"]
        return f", {settings['filters']} filters {rows}x{columns}, padding {settings['padding']}"
    if "pool_size" in settings:
        rows, columns = settings["pool_size"]
        return f" {rows}x{columns}, padding {settings['padding']}"
    return f", {settings['units']} units" if "units" in settings else ""


def _channels(layer: LayerTrace) -> str:
    """Return what determines the number of channels, which the size formula leaves out."""
    if "filters" in layer.settings:
        return f", and one channel for each of the {layer.settings['filters']} filters"
    if "pool_size" in layer.settings:
        return f", and pooling keeps the {layer.output_shape[-1]} channels"
    return ""
