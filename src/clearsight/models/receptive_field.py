"""How much of the image one output value can see.

The recurrences are those of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks", https://distill.pub/2019/computing-receptive-fields/: with a window that reaches
over k positions and moves by s, the field grows by (k - 1) times the step so far, and the step
grows by s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from clearsight.models.arithmetic import KEEPS_PLACE
from clearsight.models.backend import keras
from clearsight.models.graph import Call, Graph, graph_of
from clearsight.models.windows import spatial, windows_of

layers = keras.layers


@dataclass(frozen=True)
class Field:
    """The field of one tensor's values, along rows and columns.

    Attributes:
        size: how many image rows and columns one value sees (not limited by the border).
        step: how far apart, in image pixels, neighbouring values look.
        places: rows and columns that a flattened tensor's values come from, else (1, 1).
    """

    size: tuple[int, int] = (1, 1)
    step: tuple[float, float] = (1, 1)
    places: tuple[int, int] = (1, 1)

    def over(self, reach: tuple[int, int], stride: tuple[float, float] = (1, 1)) -> Field:
        """Return the field of a value that looks at `reach` neighbouring values."""
        return replace(
            self,
            size=_pair(self.size[axis] + (reach[axis] - 1) * self.step[axis] for axis in (0, 1)),
            step=(self.step[0] * stride[0], self.step[1] * stride[1]),
        )


def receptive_fields(model: keras.Model) -> dict[int, Field]:
    """Return the field of every symbolic tensor of the model that is known, by the tensor's id.

    Raises:
        ModelError: when the model has no graph.
    """
    graph = graph_of(model)
    return _fields(graph, [Field()] * len(graph.inputs))


def _fields(graph: Graph, of_inputs: list[Field]) -> dict[int, Field]:
    fields = {id(tensor): field for tensor, field in zip(graph.inputs, of_inputs, strict=True)}
    for call in graph.calls:
        if call.is_input or not all(id(tensor) in fields for tensor in call.inputs):
            continue  # what follows a layer that is not known is not known either
        incoming = [fields[id(tensor)] for tensor in call.inputs]
        outgoing = _after(call, incoming)
        if outgoing is not None:
            fields.update({id(tensor): outgoing for tensor in call.outputs})
    return fields


def _after(call: Call, incoming: list[Field]) -> Field | None:
    layer, field, shape = call.layer, incoming[0], call.input_shapes[0]
    if isinstance(layer, keras.Model):
        return _after_model(layer, call, incoming)
    windows = windows_of(call)
    if windows is not None:
        rows, columns = windows
        return field.over((rows.reach, columns.reach), (rows.stride, columns.stride))
    if isinstance(layer, layers.Flatten):
        return replace(field, places=spatial(shape, layer)) if len(shape) == 3 else field
    if isinstance(layer, layers.Reshape):
        is_vector = {*shape[:-1], *call.output_shape[:-1]} <= {1}
        return field if is_vector else None
    if isinstance(layer, layers.Dense):
        is_map = len(shape) == 3
        return field if is_map else replace(field.over(field.places), places=(1, 1))
    if isinstance(layer, layers.GlobalAveragePooling2D | layers.GlobalMaxPooling2D):
        return field.over(spatial(shape, layer))
    if _normalizes_over_places(layer, shape):
        return field.over(spatial(shape, layer))
    if isinstance(layer, layers.LayerNormalization):
        return field
    if isinstance(layer, layers.UpSampling2D) and layer.interpolation == "nearest":
        return field.over((1, 1), (1 / layer.size[0], 1 / layer.size[1]))
    if isinstance(layer, KEEPS_PLACE):
        return Field(
            _pair(max(other.size[axis] for other in incoming) for axis in (0, 1)),
            min(other.step for other in incoming),
            max(other.places for other in incoming),
        )
    return None


def _normalizes_over_places(layer: Any, shape: tuple[int, ...]) -> bool:
    """Tell whether a normalization takes its statistics from all rows and columns of an image."""
    if len(shape) != 3:
        return False
    if isinstance(layer, layers.GroupNormalization):
        return True
    if not isinstance(layer, layers.LayerNormalization):
        return False
    axes = layer.axis if isinstance(layer.axis, list | tuple) else (layer.axis,)
    return {axis % 4 for axis in axes} != {3}


def _after_model(model: keras.Model, call: Call, incoming: list[Field]) -> Field | None:
    graph = graph_of(model)
    expected = tuple(tuple(tensor.shape[1:]) for tensor in graph.inputs)
    if expected != call.input_shapes:
        return None
    return _fields(graph, incoming).get(id(graph.outputs[0]))


def _pair(values: Any) -> tuple[int, int]:
    rows, columns = values
    return math.ceil(rows), math.ceil(columns)  # after upsampling a field may end within a pixel
