"""`accelerated_fraction`: the fraction of a network's arithmetic that Keras does not run."""

import math
from typing import Any

from clearsight.engine.operations.keras_call import KerasCall
from clearsight.engine.program.program import Program
from clearsight.models.backend import keras
from clearsight.models.graph import Call, get_graph


def accelerated_fraction(model: keras.Model, program: Program) -> float:
    """Return the fraction, 0 to 1, of a model's multiply-adds that its program runs itself.

    A layer's multiply-adds are estimated as the sizes of its kernels times the positions of its
    output, which is exact for convolutions and dense layers. 1 if there are none at all.
    """
    left = {id(node.layer) for node in program.nodes if isinstance(node.operation, KerasCall)}
    accelerated = in_keras = 0
    graphs = [get_graph(model)]
    while graphs:
        for call in graphs.pop().calls:
            is_left = id(call.layer) in left
            if call.is_nested_graph and not is_left:
                graphs.append(get_graph(call.layer))
            elif is_left:
                in_keras += _multiply_adds(call)
            else:
                accelerated += _multiply_adds(call)
    total = accelerated + in_keras
    return accelerated / total if total else 1.0


def _multiply_adds(call: Call) -> int:
    layer: Any = call.layer
    if not isinstance(layer, keras.Layer) or isinstance(layer, keras.layers.Embedding):
        return 0
    kernels = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
    is_first = getattr(layer, "data_format", None) == "channels_first"
    positions = call.output_shape[1:] if is_first else call.output_shape[:-1]
    return sum(map(math.prod, kernels)) * math.prod(size or 1 for size in positions)
