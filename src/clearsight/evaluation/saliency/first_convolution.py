"""`FirstConvolution`: a network's first convolution, and the patch behind each output value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.layer_outputs import LayerCall, LayerOutputs
from clearsight.models.backend import keras
from clearsight.models.windows import Window, get_windows

layers = keras.layers


@dataclass(frozen=True, eq=False)
class FirstConvolution:
    """A network's first convolution.

    Attributes:
        outputs: the network.
        call: of the convolution.
        windows: along rows and columns.
        shift: rows and columns of padding that earlier layers add above and to the left.
    """

    outputs: LayerOutputs
    call: LayerCall
    windows: tuple[Window, Window]
    shift: tuple[int, int]

    @classmethod
    def of(cls, outputs: LayerOutputs) -> FirstConvolution:
        """Find the first convolution.

        Raises:
            ModelError: if there is none, or it takes anything but the image, possibly padded.
        """
        down = right = 0
        earlier: str | None = None  # the first layer that changes more than the padding
        for call in outputs.calls:
            before, after = call.call.input_shapes[0], call.call.output_shape
            if isinstance(call.layer, layers.Conv2D):
                if call.layer.data_format == "channels_first":
                    break
                if earlier is not None:
                    raise ModelError(
                        f"The first convolution of '{outputs.name}' should take the image itself, "
                        f"but takes the output of '{earlier}': its filters cannot be shown next to "
                        "patches of the image."
                    )
                windows = get_windows(call.call)
                assert windows is not None  # a Conv2D has them
                return cls(outputs, call, windows, (down, right))
            if isinstance(call.layer, layers.ZeroPadding2D):
                (top, _), (left, _) = call.layer.padding
                down, right = down + top, right + left
            elif len(after) != 3 or before[:2] != after[:2]:
                earlier = earlier or call.name
        raise ModelError(
            f"'{outputs.name}' should have a Conv2D with channels last, but has none: there are no "
            "filters and no worked example to show."
        )

    @property
    def layer(self) -> Any:
        """The Keras layer."""
        return self.call.layer

    @property
    def kernel(self) -> np.ndarray:
        """Its weights: float32 (rows, columns, C, filters)."""
        return self.layer.kernel.value.detach().cpu().numpy().astype(np.float32)

    def input_and_output(self, images: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the convolution's input and output.

        Args:
            images: float32 (N, H, W, C), as the network takes them.

        Returns:
            float32 (N, rows, columns, C) and (N, rows, columns, filters), after its activation.
        """
        calls = self.outputs.calls[: self.outputs.calls.index(self.call) + 1]
        with torch.no_grad():
            values = self.outputs.run({0: self.outputs.to_tensor(images)}, calls)
        return values[self.call.inputs[0]], values[self.call.outputs[0]]

    def before_activation(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return its output before the activation, float32 (N, rows, columns, filters).

        `inputs` are its own, float32 (N, rows, columns, C).
        """
        layer = self.layer
        with torch.no_grad(), self.outputs.on_its_device():
            sums = layer.convolution_op(inputs, layer.kernel)
            return sums if layer.bias is None else sums + layer.bias.value

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the upper left corner, in its own input, of the window of an output value.

        Row and column are negative within the padding.
        """
        rows, columns = self.windows
        return row * rows.stride - rows.padding[0], column * columns.stride - columns.padding[0]


def extract_patch(
    values: np.ndarray, top: int, left: int, windows: tuple[Window, Window]
) -> np.ndarray:
    """Return the part of an image under a window, with 0 outside the image.

    Args:
        values: (H, W, C).
        top: the window's first row; may be outside the image.
        left: the window's first column; may be outside the image.
        windows: along rows and columns.

    Returns:
        (reach of rows, reach of columns, C), of the same dtype.
    """
    height, width = values.shape[:2]
    rows, columns = (
        np.arange(start, start + window.effective_size)
        for start, window in zip((top, left), windows, strict=True)
    )
    is_inside = np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    patch = values[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    return patch * is_inside[..., None].astype(values.dtype)
