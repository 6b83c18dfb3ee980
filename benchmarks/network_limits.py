"""How much a network computes and moves for an image, and how much the machine could.

Operations are counted as `floating_point_work` counts them: a multiplication with a weight and the
addition after it are two, and all else is left out, except the two products in attention. A
weight's gradient takes as many as the forward pass, and so does that of a layer's input; they are
counted where they are needed.

Of what is moved only layers' outputs are counted, as if each were written and read once in the
forward pass; where a gradient flows, read once more in the backward pass, and its gradient written
and read. Layers that are fused move less, layers of several passes more, and caches help, so this
is an estimate of what a plain implementation moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras  # before any other import of Keras
from clearsight.models.graph import Call, get_graph

_VIEWS = (keras.layers.Flatten, keras.layers.Reshape)
_FORWARD_PASSES = 2
_BACKWARD_PASSES = 3


@dataclass(frozen=True)
class MachineLimits:
    """The highest speeds that the machine reaches.

    Attributes:
        matmul_gflops: in the faster precision, of a large matrix product.
        gigabytes_per_second: read and written by a copy of a block larger than the caches.
    """

    matmul_gflops: float
    gigabytes_per_second: float

    @classmethod
    def of(cls, measured: Mapping[str, Any]) -> MachineLimits:
        """Choose from what `peers.machine_peak` measured."""
        names = [name for name in measured if name.startswith("matmul_")]
        gflops = max(measured[name] for name in names)
        return cls(gflops, measured["copy_gigabytes_per_second"])


@dataclass(frozen=True)
class Work:
    """What a network does for one image.

    Attributes:
        prediction_flops: floating-point operations forward.
        training_flops: forward and backward.
        prediction_bytes: of layers' outputs moved forward.
        training_bytes: forward and backward.
    """

    prediction_flops: int = 0
    training_flops: int = 0
    prediction_bytes: int = 0
    training_bytes: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.prediction_flops + other.prediction_flops,
            self.training_flops + other.training_flops,
            self.prediction_bytes + other.prediction_bytes,
            self.training_bytes + other.training_bytes,
        )


def count_work(model: keras.Model, num_bytes: int) -> Work:
    """Count a network's work, with `num_bytes` for each value."""
    return _graph_work(model, num_bytes, needs_gradient=False)


def _graph_work(model: keras.Model, num_bytes: int, needs_gradient: bool) -> Work:
    graph = get_graph(model)
    with_gradient = {id(tensor): needs_gradient for tensor in graph.inputs}
    total = Work()
    for call in graph.calls:
        if call.is_input:
            continue
        input_needs_gradient = any(with_gradient[id(tensor)] for tensor in call.inputs)
        is_trained = bool(getattr(call.layer, "trainable_weights", ()))
        needs_gradient = input_needs_gradient or is_trained
        with_gradient.update((id(tensor), needs_gradient) for tensor in call.outputs)
        if call.is_nested_graph:
            total += _graph_work(call.layer, num_bytes, input_needs_gradient)
            continue
        total += _call_work(call, num_bytes, input_needs_gradient, is_trained)
    return total


def _call_work(call: Call, num_bytes: int, input_needs_gradient: bool, is_trained: bool) -> Work:
    flops = 2 * _multiply_adds(call)
    size = 0 if isinstance(call.layer, _VIEWS) else num_bytes * _num_values(call.output_shape)
    passes = _FORWARD_PASSES + _BACKWARD_PASSES * (input_needs_gradient or is_trained)
    training_flops = flops * (1 + input_needs_gradient + is_trained)
    return Work(flops, training_flops, _FORWARD_PASSES * size, passes * size)


def _multiply_adds(call: Call) -> int:
    """Return the sizes of a layer's kernels times the positions of its output."""
    layer: Any = call.layer
    if not isinstance(layer, keras.Layer) or type(layer).__name__ == "LearnedPositions":
        return 0
    kernels = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
    positions = _num_values(call.output_shape[:-1])
    count = sum(map(math.prod, kernels)) * positions
    if isinstance(layer, keras.layers.MultiHeadAttention):
        count += 2 * positions**2 * layer.num_heads * layer.key_dim
    return count


def _num_values(shape: tuple[int, ...]) -> int:
    return math.prod(size or 1 for size in shape)
