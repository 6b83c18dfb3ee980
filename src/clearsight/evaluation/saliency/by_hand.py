"""`ByHand`: a network's layers worked through by hand, for one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.saliency.hands_on import (
    HandsOnConvolution,
    HandsOnPooling,
    prepare_convolution,
    prepare_pooling,
)
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.evaluation.saliency.worked_example import WorkedExample, compute_worked_example
from clearsight.evaluation.saliency.worked_layers import (
    PoolingExample,
    ReluExample,
    SoftmaxExample,
    compute_pooling_example,
    compute_relu_example,
    compute_softmax_example,
)


@dataclass(frozen=True, eq=False)
class ByHand:
    """One position each of a network's first layers and its last one.

    Attributes:
        highest: the convolution's highest output value.
        negative: the convolution's value that its ReLU changes; None if it has no ReLU.
        relu: the network's first ReLU, on a value that it changes; None if it has none.
        pooling: its first pooling; None if it has none.
        softmax: its last layer; None if that is no softmax.
        convolution: what a page needs to compute the convolution; None if it has groups.
        pooling_window: what a page needs to compute the pooling; None if there is none.
    """

    highest: WorkedExample
    negative: WorkedExample | None
    relu: ReluExample | None
    pooling: PoolingExample | None
    softmax: SoftmaxExample | None
    convolution: HandsOnConvolution | None
    pooling_window: HandsOnPooling | None


def work_by_hand(outputs: LayerOutputs, image: np.ndarray) -> ByHand:
    """Work out a network's layers for one image.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.

    Raises:
        ModelError: if no convolution takes the image itself, the network does not return one number
            per class, or a layer's output differs from the arithmetic.
    """
    highest = compute_worked_example(outputs, image)
    relu = compute_relu_example(outputs, image)
    negative = None
    if relu is not None and relu.layer_name == highest.layer_name and relu.value < 0:
        negative = compute_worked_example(outputs, image, (relu.row, relu.column, relu.channel))
    pooling = compute_pooling_example(outputs, image)
    return ByHand(
        highest,
        negative,
        relu,
        pooling,
        compute_softmax_example(outputs, image),
        prepare_convolution(outputs, image, negative or highest),
        prepare_pooling(outputs, image, pooling) if pooling is not None else None,
    )
