"""oneDNN's convolution with an activation of its output in the same pass, without gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

_NAMES: dict[Callable[..., Any], str] = {
    functional.hardswish: "hardswish",
    functional.silu: "swish",
}
"""What oneDNN calls activations. ReLU and ReLU6 are missing: it computes 0 from what is no number,
so that a network whose weights are lost would predict as if nothing had happened."""


def can_convolve_and_activate(
    images: torch.Tensor, kernel: torch.Tensor, activation: Callable[..., Any] | None
) -> bool:
    """Return whether there is such an operation, and no gradient is asked for."""
    needs_gradient = torch.is_grad_enabled() and (images.requires_grad or kernel.requires_grad)
    return (
        activation in _NAMES
        and not needs_gradient
        and images.dtype in (torch.bfloat16, torch.float32)
        and images.device.type == "cpu"
        and images.numel() > 0
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def convolve_and_activate(
    images: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor | None,
    options: tuple[Sequence[int], Sequence[int], Sequence[int], int],
    activation: Callable[..., Any],
) -> torch.Tensor:
    """Convolve images (N, C, H, W) and apply an activation.

    For 8 images of 112x112x16 and 64 filters of 1x1 in bfloat16 both take 0.9 ms; one after the
    other, into new memory, 8.7 ms (2 cores of a Zen 5).

    Args:
        images: as `functional.conv2d` takes them.
        kernel: likewise.
        bias: likewise.
        options: strides, padding, dilation and number of groups.
        activation: one that `can_convolve_and_activate` accepts.
    """
    strides, padding, dilation, groups = options
    return torch.ops.mkldnn._convolution_pointwise(
        images, kernel, bias, padding, strides, dilation, groups, _NAMES[activation], [], ""
    )
