"""Tracing a network before it is trained: every layer's shape, size, cost and view, worked out."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from clearsight.errors import ModelError
from clearsight.models.arithmetic import arithmetic_of
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.build_failure import explained
from clearsight.models.graph import Call, graph_of, image_axes
from clearsight.models.receptive_field import receptive_fields
from clearsight.models.trace_table import trace_table

_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class LayerTrace:
    """One layer's row.

    Attributes:
        name: the layer's name.
        kind: its class, e.g. "Conv2D".
        input_shape: of its first input, without the batch axis; () for an input layer.
        output_shape: without the batch axis.
        more_output_shapes: of its further outputs, where it has several.
        num_parameters: trainable or not.
        multiply_adds: multiplications with weights for one image, over all calls of the layer;
            None when not known for this kind of layer.
        activation_bytes: float32 memory of its output for a batch of 1.
        receptive_field: image rows and columns that one output value sees, not more than the
            image has; None when not known.
        size_worked: how the output size comes about.
        parameters_worked: how the parameter count comes about; "" when there are none.
        settings: the layer's Keras configuration values that shape its output.
    """

    name: str
    kind: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    more_output_shapes: tuple[tuple[int, ...], ...]
    num_parameters: int
    multiply_adds: int | None
    activation_bytes: int
    receptive_field: tuple[int, int] | None
    size_worked: str
    parameters_worked: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Trace:
    """A network, explained layer by layer.

    Attributes:
        model_name: the Keras model's name.
        input_shape: height, width and channels of an image.
        layers: one row a layer, in the order of ``model.summary()``.
        num_parameters: of the whole model.
    """

    model_name: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerTrace, ...]
    num_parameters: int

    @property
    def multiply_adds(self) -> int:
        """All known multiply-adds for one image, forward."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def has_unknown_costs(self) -> bool:
        """Whether some layer's multiply-adds are not known, so that the total is a lower bound."""
        return any(layer.multiply_adds is None for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Float32 memory of all layers' outputs for a batch of 1, as training keeps them."""
        return sum(layer.activation_bytes for layer in self.layers)

    @property
    def where_the_capacity_lives(self) -> str:
        """One sentence: which layer holds most parameters, which costs most arithmetic."""
        largest = max(self.layers, key=lambda layer: layer.num_parameters)
        costliest = max(self.layers, key=lambda layer: layer.multiply_adds or 0)
        if not self.num_parameters:
            return "The network has no parameters."
        sentence = (
            f"{largest.num_parameters / self.num_parameters:.1%} of the parameters sit in "
            f"{largest.name} ({largest.num_parameters:,} of {self.num_parameters:,})"
        )
        if not self.multiply_adds:
            return f"{sentence}."
        share = (costliest.multiply_adds or 0) / self.multiply_adds
        return f"{sentence}; {share:.1%} of the multiply-adds are done in {costliest.name}."

    def __str__(self) -> str:
        return trace_table(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        values = {
            **asdict(self),
            "multiply_adds": self.multiply_adds,
            "has_unknown_costs": self.has_unknown_costs,
            "activation_bytes": self.activation_bytes,
            "where_the_capacity_lives": self.where_the_capacity_lives,
        }
        return json.loads(json.dumps(values))  # tuples become lists, as a reader of JSON gets them


def trace(
    model: str | keras.Model,
    input_shape: tuple[int, int, int] | None = None,
    **model_arguments: Any,
) -> Trace:
    """Explain a network layer by layer, before it is trained.

    Args:
        model: a Sequential or Functional `keras.Model`, or what `clearsight train --model` takes:
            a name such as "lesson", "FILE.keras", "FILE.py:FUNCTION".
        input_shape: height, width and channels; for a model that leaves them open or by name.
        **model_arguments: options of the named model.

    Raises:
        ModelError: when the model is not known, cannot be built, or leaves its input size open.

    Example:
        >>> [layer.output_shape for layer in trace("lesson").layers][:3]
        [(28, 28, 32), (14, 14, 32), (14, 14, 64)]
    """
    if isinstance(model, str):
        request = ModelRequest(model, model_arguments, input_shape)
        return trace_model(_sized(build_model(request), input_shape))
    if model_arguments:
        raise ModelError(
            f"A built model takes no arguments, but {', '.join(model_arguments)} was given."
        )
    return trace_model(_sized(model, input_shape))


def trace_model(model: keras.Model) -> Trace:
    """Explain a built model; see `trace`.

    Raises:
        ModelError: when the model has no graph or leaves its input size open.
    """
    graph = graph_of(model)
    fields = receptive_fields(model)
    calls_of: dict[int, list[Call]] = {}
    for call in graph.calls:
        calls_of.setdefault(id(call.layer), []).append(call)
    image_shape, axes = tuple(graph.inputs[0].shape[1:]), image_axes(graph)
    shows_inputs = not isinstance(model, keras.Sequential)  # as model.summary() does
    rows = []
    for layer in graph.layers:
        calls = calls_of[id(layer)]
        call = calls[-1]
        if call.is_input and not shows_inputs:
            continue
        field = fields.get(id(call.outputs[0]))
        rows.append(_row(calls, _within(field.size, image_shape, axes) if field else None))
    return Trace(model.name, image_shape, tuple(rows), model.count_params())


def _row(calls: list[Call], field: tuple[int, int] | None) -> LayerTrace:
    call = calls[-1]
    layer = call.layer
    costs = [_cost(each) for each in calls]
    worked = arithmetic_of(call)
    is_model = isinstance(layer, keras.Model)
    has_weights = isinstance(layer, keras.Layer)
    return LayerTrace(
        name=layer.name,
        kind=type(layer).__name__,
        input_shape=call.input_shapes[0] if call.inputs else (),
        output_shape=call.output_shape,
        more_output_shapes=call.output_shapes[1:],
        num_parameters=layer.count_params() if has_weights else 0,
        multiply_adds=None if None in costs else sum(cost or 0 for cost in costs),
        activation_bytes=_FLOAT32_BYTES
        * sum(math.prod(shape) for each in calls for shape in each.output_shapes),
        receptive_field=field,
        size_worked=f"{len(layer.layers)} layers inside" if is_model else worked.size,
        parameters_worked=worked.parameters if not is_model else "",
        settings=_settings(layer),
    )


def _cost(call: Call) -> int | None:
    if not isinstance(call.layer, keras.Model):
        return arithmetic_of(call).multiply_adds
    inner = [_cost(each) for each in graph_of(call.layer).calls]
    return None if None in inner else sum(cost or 0 for cost in inner)


def _within(
    field: tuple[int, int], image_shape: tuple[int, ...], axes: tuple[int, int]
) -> tuple[int, int]:
    if len(image_shape) != 3:
        return field
    return min(field[0], image_shape[axes[0]]), min(field[1], image_shape[axes[1]])


_SETTINGS = (
    "filters", "units", "kernel_size", "pool_size", "strides", "padding", "dilation_rate", "groups",
    "depth_multiplier", "use_bias", "activation", "rate", "data_format",
)  # fmt: skip


def _settings(layer: Any) -> dict[str, Any]:
    if isinstance(layer, keras.Model) or not isinstance(layer, keras.Layer):
        return {}
    configuration = layer.get_config()
    return {name: configuration[name] for name in _SETTINGS if name in configuration}


def _sized(model: keras.Model, input_shape: tuple[int, int, int] | None) -> keras.Model:
    """Give a model that leaves its image size open the size to trace it at."""
    if not model.built and isinstance(model, keras.Sequential) and input_shape is not None:
        model = keras.models.clone_model(model)  # the user's own stays as it is
        with explained(f"'{model.name}'"):
            model.build((None, *input_shape))
    inputs = graph_of(model).inputs
    if len(inputs) > 1 and any(None in tensor.shape[1:] for tensor in inputs):
        raise ModelError(
            f"'{model.name}' has {len(inputs)} inputs, of which some leave their size open: give "
            "each its size in the model itself."
        )
    found = tuple(next(iter(inputs)).shape[1:])
    if None not in found:
        if input_shape is not None and found != tuple(input_shape):
            raise ModelError(
                f"'{model.name}' takes images of shape {found}, but --input-shape says "
                f"{tuple(input_shape)}: leave it out."
            )
        return model
    if input_shape is None:
        raise ModelError(
            f"'{model.name}' leaves its image size open, {found}: say which size to trace it at, "
            "e.g. --input-shape 224,224,3."
        )
    return keras.models.clone_model(model, input_tensors=keras.Input(shape=input_shape))
