"""Global average pooling of bfloat16 images, and channels times gates; see `global_pooling.c`.

Torch's mean over the pixels of large channels-last images, which is also part of the gradient of
such a product, is slower: with its gradient it took 16.8 ms at 112x112 pixels instead of 2.7 ms; at
14x14 torch is faster (medians of 9, 8 images of 96 and 672 channels, two cores of a Zen 4).
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call
from clearsight.engine.kernels.window_pooling import can_pool_windows, with_channels_last

_MIN_PIXELS = 1024  # from here on the kernels are faster than torch


def can_gate(images: torch.Tensor, gates: torch.Tensor) -> bool:
    """Return whether there is a kernel for images (N, C, H, W) times gates (N, C, 1, 1)."""
    return (
        images.ndim == gates.ndim == 4
        and gates.dtype is torch.bfloat16
        and gates.shape == (*images.shape[:2], 1, 1)
        and images.shape[2] * images.shape[3] >= _MIN_PIXELS
        and can_pool_windows(images)
    )


def average_images(images: torch.Tensor) -> torch.Tensor:
    """Return the means (N, C, 1, 1) of images (N, C, H, W), where `can_pool_windows`."""
    means: Any = _AverageImages.apply(with_channels_last(images))
    return means[:, :, None, None]


def gate_images(images: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) times gates (N, C, 1, 1), where `can_gate`."""
    gated: Any = _GateImages.apply(with_channels_last(images), gates.flatten(1).contiguous())
    return gated.permute(0, 3, 1, 2)


class _AverageImages(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: torch.Tensor) -> torch.Tensor:
        ctx.shape = images.shape
        if images.shape[1] * images.shape[2] < _MIN_PIXELS:
            return images.mean((1, 2))
        means = images.new_empty((images.shape[0], images.shape[3]))
        call("average_pool_images", images, means, *_numbers(images))
        return means

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> torch.Tensor:
        _, height, width, _ = ctx.shape
        # Torch's own gradient would not be channels-last, and would be copied wherever it is used.
        pixel_gradient = gradients[0] / (height * width)
        return pixel_gradient[:, None, None, :].expand(ctx.shape).contiguous()


class _GateImages(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(images, gates)
        output = torch.empty_like(images)
        call("gate_images", images, gates, output, *_numbers(images))
        return output

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        images, gates = ctx.saved_tensors
        images_gradient, gates_gradient = torch.empty_like(images), torch.empty_like(gates)
        tensors = (gradients[0].contiguous(), images, gates, images_gradient, gates_gradient)
        call("gate_images_backward", *tensors, *_numbers(images))
        return images_gradient, gates_gradient


def _numbers(images: torch.Tensor) -> tuple[int, int, int, int]:
    count, height, width, channels = images.shape
    return count, height * width, channels, torch.get_num_threads()
