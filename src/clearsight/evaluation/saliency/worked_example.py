"""`WorkedExample`: the arithmetic behind one output value of the first convolution."""

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.first_convolution import FirstConvolution, extract_patch
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.models.table import signed

TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class WorkedExample:
    """The arithmetic behind one output value of the first convolution.

    Attributes:
        layer_name: the convolution's name.
        filter_index: the output channel.
        row: of the output.
        column: of the output.
        patch: float32 (rows, columns, C), the values under the kernel; 0 in the padding.
        is_padding: bool (rows, columns), where the kernel is outside the image.
        top: the image's row where the patch starts; negative within the padding.
        left: the image's column where the patch starts; negative within the padding.
        kernel: float32 (rows, columns, C), the filter's weights.
        products: float64 (rows, columns, C), patch times kernel.
        sum_of_products: their sum.
        bias: 0 if the layer has no bias.
        total: the sum plus the bias.
        activation: the activation's name, "linear" if there is none.
        output: the total after the activation, computed from these numbers.
        layer_output: the layer's own output; equal to `output` within 1e-5.
    """

    layer_name: str
    filter_index: int
    row: int
    column: int
    patch: np.ndarray
    is_padding: np.ndarray
    top: int
    left: int
    kernel: np.ndarray
    products: np.ndarray
    sum_of_products: float
    bias: float
    total: float
    activation: str
    output: float
    layer_output: float

    @property
    def sentence(self) -> str:
        """The arithmetic in one sentence."""
        return (
            f"The {self.products.size} products sum to {signed(self.sum_of_products)}; adding "
            f"the bias {signed(self.bias)} gives {signed(self.total)}, and {self.activation} "
            f"gives {signed(self.output)}."
        )


def compute_worked_example(
    outputs: LayerOutputs, image: np.ndarray, position: tuple[int, int, int] | None = None
) -> WorkedExample:
    """Work out one output value of the first convolution.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.
        position: row, column and filter of the value; None for the highest of all.

    Raises:
        ModelError: if no convolution takes the image itself, or if the layer's output differs from
            the arithmetic.
    """
    convolution = FirstConvolution.of(outputs)
    inputs, layer_outputs = (
        values[0].cpu().numpy() for values in convolution.input_and_output(image[None])
    )
    if position is None:
        row, column, index = map(int, np.unravel_index(layer_outputs.argmax(), layer_outputs.shape))
    else:
        row, column, index = position
    top, left = convolution.corner(row, column)
    rows, columns = convolution.windows
    dilated = np.s_[:: rows.dilation, :: columns.dilation]
    kernel = convolution.kernel[..., index]
    # With groups, a filter takes only the channels of its group.
    group = index // (convolution.layer.filters // convolution.layer.groups)
    channels = np.s_[group * kernel.shape[-1] : (group + 1) * kernel.shape[-1]]
    patch = extract_patch(inputs, top, left, convolution.windows)[dilated][..., channels]
    is_inside = extract_patch(np.ones((*inputs.shape[:2], 1), bool), top, left, convolution.windows)
    products = patch.astype(np.float64) * kernel
    biases = convolution.layer.bias
    bias = 0.0 if biases is None else biases.value[index].item()
    total = float(products.sum()) + bias
    activation = convolution.layer.activation
    output = float(activation(torch.tensor(total, dtype=torch.float64)))
    layer_output = float(layer_outputs[row, column, index])
    # Relative to the largest possible sum, because rounding errors scale with it.
    scale = max(1.0, float(np.abs(products).sum()))
    if not abs(output - layer_output) <= TOLERANCE * scale:
        raise ModelError(
            f"'{convolution.call.name}' should return {output:.6f} by the arithmetic of a "
            f"convolution, but returns {layer_output:.6f}: there is no worked example to show."
        )
    return WorkedExample(
        layer_name=convolution.call.name,
        filter_index=index,
        row=row,
        column=column,
        patch=patch,
        is_padding=~is_inside[dilated][..., 0],
        top=top - convolution.shift[0],
        left=left - convolution.shift[1],
        kernel=kernel,
        products=products,
        sum_of_products=float(products.sum()),
        bias=bias,
        total=total,
        activation=getattr(activation, "__name__", type(activation).__name__),
        output=output,
        layer_output=layer_output,
    )
