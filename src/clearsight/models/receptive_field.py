"""Receptive fields: how much of the image one output value depends on.

The recurrences are those of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks", https://distill.pub/2019/computing-receptive-fields/: a window of effective size k
and stride s grows the receptive field by (k - 1) times the effective stride so far, and multiplies
the effective stride by s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from clearsight.models.arithmetic import SAME_RECEPTIVE_FIELD
from clearsight.models.backend import keras
from clearsight.models.graph import Call, Graph, get_graph
from clearsight.models.windows import get_windows, spatial_size

layers = keras.layers


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of one tensor's values, along rows and columns.

    Attributes:
        size: image rows and columns that one value depends on, not limited by the image's border.
        stride: the effective stride: distance in image pixels between the receptive fields of
            neighbouring values.
        map_size: rows and columns of the map that a flattened tensor was made from, else (1, 1).
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[float, float] = (1, 1)
    map_size: tuple[int, int] = (1, 1)

    def extend(
        self, window: tuple[int, int], stride: tuple[float, float] = (1, 1)
    ) -> ReceptiveField:
        """Return the receptive field of a value computed from a window of values."""
        return replace(
            self,
            size=_pair(self.size[axis] + (window[axis] - 1) * self.stride[axis] for axis in (0, 1)),
            stride=(self.stride[0] * stride[0], self.stride[1] * stride[1]),
        )


def receptive_fields(model: keras.Model) -> dict[int, ReceptiveField]:
    """Return the receptive fields of the model's symbolic tensors, by the tensor's id.

    Tensors that follow a layer of an unknown type are left out.

    Raises:
        ModelError: when the model has no graph.
    """
    graph = get_graph(model)
    return _propagate(graph, [ReceptiveField()] * len(graph.inputs))


def _propagate(graph: Graph, input_fields: list[ReceptiveField]) -> dict[int, ReceptiveField]:
    fields = {id(tensor): field for tensor, field in zip(graph.inputs, input_fields, strict=True)}
    for call in graph.calls:
        if call.is_input or not all(id(tensor) in fields for tensor in call.inputs):
            continue
        outgoing = _after(call, [fields[id(tensor)] for tensor in call.inputs])
        if outgoing is not None:
            fields.update({id(tensor): outgoing for tensor in call.outputs})
    return fields


def _after(call: Call, incoming: list[ReceptiveField]) -> ReceptiveField | None:
    layer, field, shape = call.layer, incoming[0], call.input_shapes[0]
    if isinstance(layer, keras.Model):
        graph = get_graph(layer)
        if tuple(tuple(tensor.shape[1:]) for tensor in graph.inputs) != call.input_shapes:
            return None
        return _propagate(graph, incoming).get(id(graph.outputs[0]))
    windows = get_windows(call)
    if windows is not None:
        rows, columns = windows
        return field.extend(
            (rows.effective_size, columns.effective_size), (rows.stride, columns.stride)
        )
    if isinstance(layer, layers.Flatten):
        return replace(field, map_size=spatial_size(shape, layer)) if len(shape) == 3 else field
    if isinstance(layer, layers.Reshape):
        is_vector = {*shape[:-1], *call.output_shape[:-1]} <= {1}
        return field if is_vector else None
    if isinstance(layer, layers.Dense):
        is_map = len(shape) == 3
        return field if is_map else replace(field.extend(field.map_size), map_size=(1, 1))
    if isinstance(
        layer, layers.GlobalAveragePooling2D | layers.GlobalMaxPooling2D
    ) or _normalizes_over_positions(layer, shape):
        return field.extend(spatial_size(shape, layer))
    if isinstance(layer, layers.LayerNormalization):
        return field
    if isinstance(layer, layers.UpSampling2D) and layer.interpolation == "nearest":
        return field.extend((1, 1), (1 / layer.size[0], 1 / layer.size[1]))
    if isinstance(layer, SAME_RECEPTIVE_FIELD):
        return ReceptiveField(
            _pair(max(other.size[axis] for other in incoming) for axis in (0, 1)),
            min(other.stride for other in incoming),
            max(other.map_size for other in incoming),
        )
    return None


def _normalizes_over_positions(layer: Any, shape: tuple[int, ...]) -> bool:
    """Return whether a normalization computes its statistics over all rows and columns."""
    if len(shape) != 3:
        return False
    if isinstance(layer, layers.GroupNormalization):
        return True
    if not isinstance(layer, layers.LayerNormalization):
        return False
    axes = layer.axis if isinstance(layer.axis, list | tuple) else (layer.axis,)
    return {axis % 4 for axis in axes} != {3}


def _pair(values: Any) -> tuple[int, int]:
    rows, columns = values
    return math.ceil(rows), math.ceil(columns)  # after upsampling a field may end within a pixel
