"""One output value of the first convolution, worked out in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
        top: the picture's row that the patch begins at; negative within the padding.
        left: the picture's column, likewise.
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
