"""The arithmetic of ReLU, pooling and softmax, worked through for one position each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.first_convolution import FirstConvolution
from clearsight.evaluation.saliency.layer_outputs import LayerCall, LayerOutputs, Values
from clearsight.evaluation.saliency.worked_example import TOLERANCE
from clearsight.models.backend import keras
from clearsight.models.table import signed
from clearsight.models.windows import get_windows

layers = keras.layers


@dataclass(frozen=True)
class ReluExample:
    """What ReLU does to one value; a negative one if there is any.

    Attributes:
        layer_name: the layer whose activation it is.
        row: of the value.
        column: of the value.
        channel: of the value.
        value: before ReLU.
        output: the layer's own output.
    """

    layer_name: str
    row: int
    column: int
    channel: int
    value: float
    output: float

    @property
    def sentence(self) -> str:
        """What happens to the value."""
        result = f"max(0, {signed(self.value)}) = {signed(self.output)}"
        if self.value < 0:
            return f"{result}: the value is negative, so ReLU changes it to 0."
        return f"{result}: no value of this layer is negative, so ReLU changes none."


@dataclass(frozen=True, eq=False)
class PoolingExample:
    """How pooling summarizes one window.

    Attributes:
        layer_name: the pooling layer.
        statistic: of the window.
        row: of the output.
        column: of the output.
        channel: of the output.
        top: first row of the window in the layer's input; negative in the padding.
        left: first column of the window in the layer's input; negative in the padding.
        window: float32 (rows, columns), the values in the window; NaN in the padding.
        output: the layer's own output.
    """

    layer_name: str
    statistic: str
    row: int
    column: int
    channel: int
    top: int
    left: int
    window: np.ndarray
    output: float

    @property
    def sentence(self) -> str:
        """The window's values and the result."""
        values = [signed(value) for value in self.window.ravel().tolist() if not np.isnan(value)]
        return f"The {self.statistic} of {', '.join(values)} is {signed(self.output)}."


@dataclass(frozen=True, eq=False)
class SoftmaxExample:
    """How softmax makes probabilities of logits.

    Attributes:
        logits: float32 (K,).
        exponentials: float64 (K,), of the logits less the highest one, which changes no
            probability and keeps them from overflowing.
        probabilities: float32 (K,), the network's own output.
    """

    logits: np.ndarray
    exponentials: np.ndarray
    probabilities: np.ndarray

    @property
    def total(self) -> float:
        """The sum of the exponentials."""
        return float(self.exponentials.sum())


def compute_relu_example(outputs: LayerOutputs, image: np.ndarray) -> ReluExample | None:
    """Work out the network's first ReLU, at the lowest value of one map; None without a ReLU.

    The map is one that has both clearly negative and clearly positive values.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.
    """
    found = _first_relu(outputs, image)
    if found is None:
        return None
    name, before, after = found
    lowest, highest = before.min(axis=(0, 1)), before.max(axis=(0, 1))
    channel = int(np.minimum(-lowest, highest).argmax())
    if lowest[channel] >= 0:
        channel = int(lowest.argmin())
    row, column = map(int, np.unravel_index(before[..., channel].argmin(), before.shape[:2]))
    value, output = (float(values[row, column, channel]) for values in (before, after))
    return ReluExample(name, row, column, channel, value, output)


def _first_relu(
    outputs: LayerOutputs, image: np.ndarray
) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Return a layer's name and its maps before and after ReLU, float32 (rows, columns, C)."""
    try:
        first = FirstConvolution.of(outputs)
    except ModelError:
        first = None
    values: Values | None = None
    for call in outputs.calls:
        if first is not None and call is first.call:
            if call.layer.activation is keras.activations.relu:
                inputs, after = first.input_and_output(image[None])
                before = first.before_activation(inputs)
                return call.name, _numbers(before), _numbers(after)
        elif is_plain_relu(call.layer) and call.has_maps:
            values = values or run_all(outputs, image)
            return call.name, _numbers(values[call.inputs[0]]), _numbers(values[call.outputs[0]])
    return None


def is_plain_relu(layer: Any) -> bool:
    """Return whether a layer is nothing but max(0, x)."""
    if isinstance(layer, layers.ReLU):
        return layer.max_value is None and layer.negative_slope == layer.threshold == 0
    return isinstance(layer, layers.Activation) and layer.activation is keras.activations.relu


def find_pooling(outputs: LayerOutputs) -> LayerCall | None:
    """Return the network's first pooling layer with windows; None if it has none."""
    kinds = (layers.MaxPooling2D, layers.AveragePooling2D)
    return next(
        (call for call in outputs.calls if isinstance(call.layer, kinds) and call.has_maps), None
    )


def compute_pooling_example(outputs: LayerOutputs, image: np.ndarray) -> PoolingExample | None:
    """Work out the highest output of the first pooling layer; None without a pooling layer.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.

    Raises:
        ModelError: if the layer's output differs from the arithmetic.
    """
    call = find_pooling(outputs)
    if call is None:
        return None
    values = run_all(outputs, image)
    before, after = (_numbers(values[k]) for k in (call.inputs[0], call.outputs[0]))
    row, column, channel = map(int, np.unravel_index(after.argmax(), after.shape))
    windows = get_windows(call.call)
    assert windows is not None  # pooling layers have them
    starts, positions = [], []
    for window, index, size in zip(windows, (row, column), before.shape[:2], strict=True):
        starts.append(index * window.stride - window.padding[0])
        reach = np.arange(starts[-1], starts[-1] + window.size)
        positions.append(np.where((reach >= 0) & (reach < size), reach, -1))
    under = before[np.ix_(*positions)][..., channel].copy()
    under[(positions[0] < 0)[:, None] | (positions[1] < 0)] = np.nan
    is_max = isinstance(call.layer, layers.MaxPooling2D)
    expected = np.nanmax(under) if is_max else np.nanmean(under)
    output = float(after[row, column, channel])
    if not abs(expected - output) <= TOLERANCE * max(1.0, abs(output)):
        raise ModelError(
            f"'{call.name}' should return {expected:.6f} by the arithmetic of pooling, but returns "
            f"{output:.6f}: there is no worked example to show."
        )
    statistic = "maximum" if is_max else "mean"
    top, left = starts
    return PoolingExample(call.name, statistic, row, column, channel, top, left, under, output)


def compute_softmax_example(outputs: LayerOutputs, image: np.ndarray) -> SoftmaxExample | None:
    """Work out the network's final softmax; None if it does not end with one.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.

    Raises:
        ModelError: if the network does not return one number per class.
    """
    given = {0: outputs.to_tensor(image[None])}
    with torch.no_grad():
        logits = outputs.logits(given, 0)[0].cpu().numpy()
    probabilities = run_all(outputs, image)[outputs.output][0].cpu().numpy()
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    if np.abs(exponentials / exponentials.sum() - probabilities).max() > TOLERANCE:
        return None
    return SoftmaxExample(logits, exponentials, probabilities)


def run_all(outputs: LayerOutputs, image: np.ndarray) -> Values:
    """Return all values that the network computes for one image float32 (H, W, C)."""
    with torch.no_grad():
        return outputs.run({0: outputs.to_tensor(image[None])}, outputs.calls)


def _numbers(values: torch.Tensor) -> np.ndarray:
    return values[0].cpu().numpy()
