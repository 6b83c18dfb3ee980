"""How many floating-point operations the reference network takes, from the shapes of its layers.

A multiplication with a weight and the addition after it count as two. All are counted, also those
with gradients that max pooling makes zero, which a program may leave out. Bias, ReLU, pooling,
softmax and the optimizer are left out: they are below 1 % of the work.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Convolution:
    """A convolution with padding "same": its input is (height, width, channels)."""

    height: int
    width: int
    channels: int
    filters: int
    kernel_size: int = 3

    @property
    def forward_flops(self) -> int:
        """Operations for one image, forward."""
        places = self.height * self.width
        return product_flops(places, self.kernel_size**2 * self.channels, self.filters)


def product_flops(rows: int, inner: int, columns: int) -> int:
    """Return the operations of a matrix product (rows, inner) by (inner, columns)."""
    return 2 * rows * inner * columns


FIRST_CONVOLUTION = Convolution(28, 28, 1, filters=32)
SECOND_CONVOLUTION = Convolution(14, 14, 32, filters=64)

FORWARD_FLOPS = (
    FIRST_CONVOLUTION.forward_flops
    + SECOND_CONVOLUTION.forward_flops
    + product_flops(1, 7 * 7 * 64, 128)
    + product_flops(1, 128, 10)
)
# The gradients of weights and of inputs each take as much as the forward pass, but nobody needs
# the gradient of the images.
TRAINING_FLOPS = 3 * FORWARD_FLOPS - FIRST_CONVOLUTION.forward_flops


def fit_flops(num_trained: int, num_validated: int, num_epochs: int) -> int:
    """Return the operations of a whole fit with validation after every epoch."""
    return num_epochs * (num_trained * TRAINING_FLOPS + num_validated * FORWARD_FLOPS)
