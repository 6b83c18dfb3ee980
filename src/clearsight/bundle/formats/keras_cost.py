"""`cost_of_image`: the memory and work that a Keras network needs for one image, before it runs."""

import math
from typing import Any

from clearsight.bundle.onnx_check.size import Cost, cost_of_results
from clearsight.models.arithmetic import compute_arithmetic
from clearsight.models.backend import keras
from clearsight.models.graph import Call, calls_in_order

_layers = keras.layers
_ATTENTION = (
    _layers.MultiHeadAttention,
    _layers.GroupQueryAttention,
    _layers.Attention,
    _layers.AdditiveAttention,
)
_WORK_PER_STEP = 10**6  # of a recurrent layer, each of which Python begins
# What they take is in none of the shapes.
_UNKNOWN = (
    _layers.Equalization,
    _layers.MelSpectrogram,
    _layers.Pipeline,
    _layers.TimeDistributed,
)
# Operations that multiply each value of one input with many of another one.
_PRODUCTS = {
    "Conv", "ConvTranspose", "Dot", "DotProductAttention", "Einsum", "Inner", "Kron", "Outer",
    "Tensordot", "Vdot",
}  # fmt: skip


def cost_of_image(model: Any, image_shape: tuple[int, int, int]) -> Cost:
    """Return the cost of one image, from the shapes of all layers.

    Raises:
        ValueError: if it is more than a classifier of images would take, or is not known.
        ModelError: if the model has no graph.
    """
    sizes, work = [], 0
    for call in calls_in_order(model):
        if any(None in shape for shape in call.output_shapes):
            raise ValueError("the shape of a layer's output is not known")
        if isinstance(call.layer, _UNKNOWN):
            raise ValueError(f"what its layer {type(call.layer).__name__} takes is not known")
        sizes += [math.prod(shape) for shape in call.output_shapes]
        values, multiply_adds = _inside(call)
        sizes.append(values)
        work += multiply_adds
    return cost_of_results(sizes, work, image_shape)


def _inside(call: Call) -> tuple[int, int]:
    """Return the numbers inside a layer that are not its output, and its multiply-adds."""
    layer, shapes = call.layer, call.input_shapes
    weights = layer.count_params() if isinstance(layer, keras.Layer) else 0
    if isinstance(layer, _ATTENTION):
        # Each position is compared with each other one, in each head.
        heads = getattr(layer, "num_heads", getattr(layer, "num_query_heads", 1))
        positions = [math.prod(shape[:-1]) for shape in shapes]
        width = max(shape[-1] for shape in shapes)
        scores = heads * max(positions) ** 2
        is_wide = isinstance(layer, _layers.AdditiveAttention)
        values = scores * width if is_wide else scores
        return values, 2 * scores * width + weights * max(positions)
    if isinstance(layer, (_layers.RNN, _layers.Bidirectional)):
        steps = shapes[0][0]
        positions = math.prod(shapes[0][1:-1])  # of images in a sequence
        return 0, steps * (weights * positions + _WORK_PER_STEP)
    name = type(layer).__name__
    if name == "Matmul":
        return 0, math.prod(call.output_shape) * shapes[0][-1]
    if isinstance(layer, _layers.Dot) or name in _PRODUCTS:
        return 0, math.prod(math.prod(shape) for shape in shapes)
    multiply_adds = compute_arithmetic(call).multiply_adds
    if multiply_adds is None:  # each weight meets each position at most
        positions = max(math.prod(shape[:-1]) for shape in (*shapes, call.output_shape))
        return 0, weights * positions
    return 0, multiply_adds
