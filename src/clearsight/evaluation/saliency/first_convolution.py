"""The first convolution of a network, and where in the image its windows lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs, Step
from clearsight.models.backend import keras
from clearsight.models.windows import Window, get_windows

layers = keras.layers


@dataclass(frozen=True, eq=False)
class FirstConvolution:
    """The first convolution of a network.

    Attributes:
        outputs: the network.
        index: the number of its step.
        windows: along rows and columns.
        shift: rows and columns of padding that layers before it add above and to the left.
    """

    outputs: LayerOutputs
    index: int
    windows: tuple[Window, Window]
    shift: tuple[int, int]

    @classmethod
    def of(cls, outputs: LayerOutputs) -> FirstConvolution:
        """Find it.

        Raises:
            ModelError: when there is none that looks at the image itself.
        """
        for index, step in enumerate(outputs.steps):
            if isinstance(step.call.layer, layers.Conv2D):
                if step.call.layer.data_format == "channels_first":
                    break
                windows = get_windows(step.call)
                assert windows is not None  # a Conv2D has them
                return cls(outputs, index, windows, _shift(outputs, index))
        raise ModelError(
            f"'{outputs.name}' should have a Conv2D with its channels last, but has none: there "
            "are no filters and no worked pixel to show."
        )

    @property
    def step(self) -> Step:
        """Its step."""
        return self.outputs.steps[self.index]

    @property
    def layer(self) -> Any:
        """The Keras layer."""
        return self.step.call.layer

    @property
    def kernel(self) -> np.ndarray:
        """Its weights: float32 (rows, columns, C, filters)."""
        return self.layer.kernel.value.detach().cpu().numpy().astype(np.float32)

    @property
    def bias(self) -> np.ndarray:
        """What it adds: float32 (filters,), 0 where it has no bias."""
        if self.layer.bias is None:
            return np.zeros(self.layer.filters, np.float32)
        return self.layer.bias.value.detach().cpu().numpy().astype(np.float32)

    def input_and_output(self, images: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what it takes and what it gives.

        Args:
            images: float32 (N, H, W, C), as the network takes them.

        Returns:
            float32 (N, rows, columns, C) and (N, rows, columns, filters), after its activation.
        """
        with torch.no_grad():
            values = {0: self.outputs.tensor(images)}
            values = self.outputs.run(values, self.outputs.steps[: self.index + 1])
        return values[self.step.inputs[0]], values[self.step.outputs[0]]

    def without_activation(self, incoming: torch.Tensor) -> torch.Tensor:
        """Return what it gives before its activation: float32 (N, rows, columns, filters)."""
        layer = self.layer
        with torch.no_grad(), self.outputs.on_its_device():
            found = layer.convolution_op(incoming, layer.kernel)
            return found if layer.bias is None else found + layer.bias.value

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the row and column of its own input that an output's window begins at.

        They are negative within its padding.
        """
        rows, columns = self.windows
        return row * rows.stride - rows.padding[0], column * columns.stride - columns.padding[0]


def patch_of(values: np.ndarray, top: int, left: int, windows: tuple[Window, Window]) -> np.ndarray:
    """Return what a window lies on, with 0 past the border.

    Args:
        values: (H, W, C).
        top: the row that it begins at, perhaps outside; `left` likewise.
        left: its column.
        windows: along rows and columns.

    Returns:
        (reach of rows, reach of columns, C), of the same type.
    """
    rows, columns = (window.effective_size for window in windows)
    patch = np.zeros((rows, columns, values.shape[-1]), dtype=values.dtype)
    height, width = values.shape[:2]
    first_row, last_row = max(top, 0), min(top + rows, height)
    first_column, last_column = max(left, 0), min(left + columns, width)
    if first_row < last_row and first_column < last_column:
        patch[first_row - top : last_row - top, first_column - left : last_column - left] = values[
            first_row:last_row, first_column:last_column
        ]
    return patch


def _shift(outputs: LayerOutputs, index: int) -> tuple[int, int]:
    """Return how far the layers before move the image down and to the right.

    Raises:
        ModelError: when the convolution sees something else than the image, perhaps padded.
    """
    down = right = 0
    for step in outputs.steps[:index]:
        layer, call = step.call.layer, step.call
        before, after = call.input_shapes[0], call.output_shape
        if isinstance(layer, layers.ZeroPadding2D):
            (top, _), (left, _) = layer.padding
            down, right = down + top, right + left
        elif len(after) != 3 or before[:2] != after[:2]:
            raise ModelError(
                f"The first convolution of '{outputs.name}' should look at the image itself, but "
                f"looks at what '{layer.name}' makes of it: its filters cannot be shown beside "
                "patches of the image."
            )
    return down, right
