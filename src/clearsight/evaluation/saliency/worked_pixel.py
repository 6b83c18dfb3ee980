"""One output value of the first convolution, worked out in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from clearsight.errors import ModelError
from clearsight.evaluation.saliency.first_convolution import FirstConvolution, patch_of
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs

TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class WorkedPixel:
    """One output value of the first convolution, worked out in numbers.

    Attributes:
        layer_name: the convolution's name.
        filter_index: which output channel.
        row: of the output.
        column: of the output.
        patch: float32 (rows, columns, C), what the kernel lies on; 0 where it is padding.
        is_padding: bool (rows, columns), where the kernel reaches past the border.
        top: the image's row that the patch begins at; negative within the padding.
        left: the image's column, likewise.
        kernel: float32 (rows, columns, C), the filter's weights.
        products: float64 (rows, columns, C), patch times kernel.
        sum_of_products: their sum.
        bias: what is added, 0 where the layer has no bias.
        total: the sum with the bias.
        activation: the activation's name, "linear" where there is none.
        output: the total after the activation, worked out here.
        layer_output: what the layer gives; within 1e-5 of `output`.
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
        number = self.products.size
        return (
            f"{number} products add up to {_signed(self.sum_of_products)}; with the bias "
            f"{_signed(self.bias)} that is {_signed(self.total)}, and {self.activation} makes "
            f"{_signed(self.output)} of it."
        )


def worked_pixel(
    outputs: LayerOutputs,
    image: np.ndarray,
    place: tuple[int, int] | None = None,
    filter_index: int | None = None,
) -> WorkedPixel:
    """Work out one output value of the first convolution.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.
        place: row and column of the output; None for where the filter gives most.
        filter_index: which filter; None for the one that gives most.

    Raises:
        ModelError: when no convolution looks at the image itself, when it has no such output,
            or when what the layer gives is not what its arithmetic says.
    """
    convolution = FirstConvolution.of(outputs)
    incoming, outgoing = convolution.input_and_output(image[None])
    given = outgoing[0].cpu().numpy()
    asked = (*(place or (0, 0)), filter_index or 0)
    if not all(0 <= at < size for at, size in zip(asked, given.shape, strict=True)):
        raise ModelError(
            f"An output of '{convolution.step.name}' should be asked for that there is: it gives "
            f"rows, columns and filters {given.shape}, counted from 0, but asked for was {asked}."
        )
    row, column, index = _chosen(given, place, filter_index)
    values = incoming[0].cpu().numpy()
    top, left = convolution.corner(row, column)
    rows, columns = convolution.windows
    inside = np.ones((*values.shape[:2], 1), dtype=bool)
    dilated = np.s_[:: rows.dilation, :: columns.dilation]
    kernel = convolution.kernel[..., index]
    # With groups, a filter looks at its own share of the channels.
    group = index // (convolution.layer.filters // convolution.layer.groups)
    first = group * kernel.shape[-1]
    patch = patch_of(values, top, left, convolution.windows)[dilated]
    patch = patch[..., first : first + kernel.shape[-1]]
    products = patch.astype(np.float64) * kernel
    bias = float(convolution.bias[index])
    total = float(products.sum()) + bias
    activation = convolution.layer.activation
    worked = float(activation(torch.tensor(total, dtype=torch.float64)))
    layer_output = float(given[row, column, index])
    # Relative to the largest sum that could have come out: that is what rounding goes by.
    scale = max(1.0, float(np.abs(products).sum()))
    if not abs(worked - layer_output) <= TOLERANCE * scale:
        raise ModelError(
            f"'{convolution.step.name}' should give {worked:.6f} by the arithmetic of a "
            f"convolution, but gives {layer_output:.6f}: its pixel cannot be worked out."
        )
    return WorkedPixel(
        layer_name=convolution.step.name,
        filter_index=index,
        row=row,
        column=column,
        patch=patch,
        is_padding=~patch_of(inside, top, left, convolution.windows)[dilated][..., 0],
        top=top - convolution.shift[0],
        left=left - convolution.shift[1],
        kernel=kernel,
        products=products,
        sum_of_products=float(products.sum()),
        bias=bias,
        total=total,
        activation=getattr(activation, "__name__", type(activation).__name__),
        output=worked,
        layer_output=layer_output,
    )


def _chosen(
    given: np.ndarray, place: tuple[int, int] | None, filter_index: int | None
) -> tuple[int, int, int]:
    """Settle which output is worked out, of float32 (rows, columns, filters)."""
    index = filter_index
    if index is None:
        at = given.max(axis=(0, 1)) if place is None else given[place]
        index = int(at.argmax())
    if place is None:
        row, column = divmod(int(given[..., index].argmax()), given.shape[1])
        return row, column, index
    return place[0], place[1], index


def _signed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
