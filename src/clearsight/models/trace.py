"""Trace a network before training: shape, parameters, cost and receptive field of each layer."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from clearsight.display.html import Html, element, output
from clearsight.io.displayed_text import displayed
from clearsight.io.text_table import Row
from clearsight.models.architecture import draw_architecture
from clearsight.models.arithmetic import compute_arithmetic
from clearsight.models.backend import keras
from clearsight.models.drawing import Drawing
from clearsight.models.graph import Call, get_graph, spatial_axes
from clearsight.models.layer_settings import get_settings
from clearsight.models.layer_trace import LayerTrace
from clearsight.models.parameter_sharing import count_dense_parameters
from clearsight.models.receptive_field import receptive_fields
from clearsight.models.table import LayerTable, format_bytes, format_shape

_FLOAT32_BYTES = 4
_MAX_DRAWN_AT_ONCE = 12  # layers; the drawing of a larger network is folded in a notebook
_SPACE = " " * 6  # between two formulas on one line
_HEADER = ("Layer", "Output shape", "Params", "Mult-adds", "Memory", "Field")


@dataclass(frozen=True)
class Trace:
    """A network, layer by layer.

    Attributes:
        model_name: the Keras model's name.
        input_shape: height, width and channels of an image.
        layers: one row per layer, in the order of ``model.summary()``.
        num_parameters: of the whole model.
    """

    model_name: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerTrace, ...]
    num_parameters: int

    @property
    def multiply_adds(self) -> int:
        """Known multiply-adds of one image's forward pass."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def has_unknown_costs(self) -> bool:
        """Whether a layer's multiply-adds are unknown, so that the total is a lower bound."""
        return any(layer.multiply_adds is None for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Float32 memory of all layers' outputs for a batch of 1, all kept during training."""
        return sum(layer.activation_bytes for layer in self.layers)

    @property
    def summary(self) -> str:
        """One sentence: the layers with the most parameters and the most multiply-adds."""
        largest = max(self.layers, key=lambda layer: layer.num_parameters)
        costliest = max(self.layers, key=lambda layer: layer.multiply_adds or 0)
        if not self.num_parameters:
            return "The network has no parameters."
        sentence = (
            f"{largest.num_parameters / self.num_parameters:.1%} of the parameters are in "
            f"{largest.name} ({largest.num_parameters:,} of {self.num_parameters:,})"
        )
        if not self.multiply_adds:
            return f"{sentence}."
        fraction = (costliest.multiply_adds or 0) / self.multiply_adds
        return f"{sentence}; {fraction:.1%} of the multiply-adds are in {costliest.name}."

    def draw(self) -> Drawing:
        """Draw the layers as blocks with their sizes; a notebook shows the drawing by itself.

        Example:
            >>> import clearsight
            >>> clearsight.trace("lesson").draw().svg[:4]
            '<svg'
        """
        return draw_architecture(self.model_name, self.input_shape, self.layers)

    @property
    def table(self) -> LayerTable:
        """A row for each layer, with its settings and formulas."""
        total = (
            f"total for {format_shape(self.input_shape)}",
            "",
            f"{self.num_parameters:,}",
            f"{'>= ' if self.has_unknown_costs else ''}{self.multiply_adds:,}",
            format_bytes(self.activation_bytes),
            "",
        )
        rows = [(_cells(each), _details(each)) for each in self.layers]
        return LayerTable(_HEADER, rows, total, self.summary, num_left=2)

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        return (
            f"Trace({displayed(self.model_name)} for {format_shape(self.input_shape)}: "
            f"{len(self.layers)} layers, {self.num_parameters:,} parameters, "
            f"{'at least ' if self.has_unknown_costs else ''}{self.multiply_adds:,} multiply-adds)"
        )

    def _repr_html_(self) -> str:
        is_short = {"open": "open"} if len(self.layers) <= _MAX_DRAWN_AT_ONCE else {}
        title = element("summary", "Drawing of the network")
        drawing = element("details", title, Html(self.draw().svg), **is_short)
        return output(drawing, self.table.markup)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        values = {
            **asdict(self),
            "multiply_adds": self.multiply_adds,
            "has_unknown_costs": self.has_unknown_costs,
            "activation_bytes": self.activation_bytes,
            "summary": self.summary,
        }
        return json.loads(json.dumps(values))  # tuples become lists


def _cells(layer: LayerTrace) -> Row:
    field = layer.receptive_field
    return (
        layer.name,
        " ".join(map(format_shape, (layer.output_shape, *layer.more_output_shapes))),
        f"{layer.num_parameters:,}",
        "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}",
        format_bytes(layer.activation_bytes),
        f"{field[0]}x{field[1]}" if field else "?",
    )


def _details(layer: LayerTrace) -> tuple[str, ...]:
    """Return the lines below a layer's row: its settings, its formulas, what sharing saves."""
    formulas = _SPACE.join(layer.formulas)
    if layer.description:
        lines = f"{layer.layer_type}: {layer.description}", formulas, layer.sharing
    else:
        lines = (_SPACE.join(filter(None, (layer.layer_type, formulas))),)
    return tuple(filter(None, lines))


def trace_model(model: keras.Model) -> Trace:
    """Trace a built Sequential or Functional model layer by layer.

    Raises:
        ModelError: if the model has no graph.
    """
    graph = get_graph(model)
    fields = receptive_fields(model)
    calls_of: dict[int, list[Call]] = {}
    source_of: dict[int, str] = {}  # names of layers by the ids of their outputs
    for call in graph.calls:
        calls_of.setdefault(id(call.layer), []).append(call)
        source_of.update((id(tensor), call.layer.name) for tensor in call.outputs)
    image_shape, axes = tuple(graph.inputs[0].shape[1:]), spatial_axes(graph)
    shows_inputs = not isinstance(model, keras.Sequential)  # as model.summary() does
    rows = []
    for layer in graph.layers:
        calls = calls_of[id(layer)]
        call = calls[-1]
        if call.is_input and not shows_inputs:
            continue
        field = fields.get(id(call.outputs[0]))
        size = None if field is None else field.size
        if size is not None and len(image_shape) == 3:  # no larger than the image
            size = min(size[0], image_shape[axes[0]]), min(size[1], image_shape[axes[1]])
        taken = (source_of[id(tensor)] for each in calls for tensor in each.inputs)
        rows.append(_layer_trace(calls, tuple(dict.fromkeys(taken)), size))
    return Trace(model.name, image_shape, tuple(rows), model.count_params())


def _layer_trace(
    calls: list[Call], inputs: tuple[str, ...], field: tuple[int, int] | None
) -> LayerTrace:
    call = calls[-1]
    layer = call.layer
    numbers = compute_arithmetic(call)
    is_model = isinstance(layer, keras.Model)
    has_weights = isinstance(layer, keras.Layer)
    return LayerTrace(
        name=layer.name,
        layer_type=type(layer).__name__,
        inputs=inputs,
        input_shape=call.input_shapes[0] if call.inputs else (),
        output_shape=call.output_shape,
        more_output_shapes=call.output_shapes[1:],
        num_parameters=layer.count_params() if has_weights else 0,
        num_dense_parameters=count_dense_parameters(calls),
        multiply_adds=_cost(calls),
        activation_bytes=_FLOAT32_BYTES
        * sum(math.prod(shape) for each in calls for shape in each.output_shapes),
        receptive_field=field,
        size_formula=f"{len(layer.layers)} layers inside" if is_model else numbers.size,
        parameter_formula="" if is_model else numbers.parameters,
        settings=get_settings(layer),
    )


def _cost(calls: Iterable[Call]) -> int | None:
    """Return the multiply-adds of calls, nested models included; None if some are unknown."""
    costs = [
        _cost(get_graph(call.layer).calls)
        if isinstance(call.layer, keras.Model)
        else compute_arithmetic(call).multiply_adds
        for call in calls
    ]
    return None if None in costs else sum(cost or 0 for cost in costs)
