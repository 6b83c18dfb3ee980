"""Parameter sharing: how many parameters a convolution saves by using one kernel everywhere."""

import math
from collections.abc import Sequence

from clearsight.models.backend import keras
from clearsight.models.graph import Call

layers = keras.layers

_CONVOLUTIONS = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.Conv2DTranspose,
)


def count_dense_parameters(calls: Sequence[Call]) -> int | None:
    """Count the parameters of a dense layer in place of a convolution; None for other layers.

    Such a layer has a weight between each value of the convolution's input and each value of its
    output, and a bias for each output value if the convolution has biases.

    Args:
        calls: all calls of one layer; the last one counts.
    """
    call = calls[-1]
    if not isinstance(call.layer, _CONVOLUTIONS):
        return None
    num_inputs = math.prod(call.input_shapes[0])
    return (num_inputs + call.layer.use_bias) * math.prod(call.output_shape)


def describe_sharing(num_dense_parameters: int, num_parameters: int) -> str:
    """Compare a convolution's parameters with those of a dense layer in its place.

    Example:
        >>> describe_sharing(19_694_080, 320)
        'a dense layer would need 19,694,080 parameters here, 61,544 times as many'
    """
    ratio = num_dense_parameters / num_parameters
    return (
        f"a dense layer would need {num_dense_parameters:,} parameters here, "
        f"{ratio:,.{1 if ratio < 10 else 0}f} times as many"
    )
