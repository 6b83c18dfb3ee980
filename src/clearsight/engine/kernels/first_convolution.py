"""`FIRST`: few channels, such as a network's first convolution; see `first_convolution.c`."""

import torch

from clearsight.engine.kernels.convolution import ConvolutionMethod, Gradients, Saved, Sizes
from clearsight.engine.kernels.library import call, float32_zeros, scratch_size

MIN_POOLED_CHANNELS = 16  # with fewer, `FIRST` computes the convolution
_MAX_TAPS = 75  # with this number a step takes 0.6 of torch's time; 2 cores of a Zen 4, batch 64
_LANES = 16  # filters that are computed together


def _should_compute(images: torch.Tensor, sizes: Sizes) -> bool:
    *window, channels, filters = sizes.kernel
    return (
        not images.requires_grad
        and sizes.images[-1] == channels < MIN_POOLED_CHANNELS
        and window[0] * window[1] * channels <= _MAX_TAPS
        and filters % _LANES == 0
    )


def _forward(
    images: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    sizes: Sizes,
    rectified: bool,
    needs_gradients: bool,
) -> tuple[torch.Tensor, Saved]:
    kernel, bias = kernel.contiguous(), bias.contiguous()
    pooled = images.new_empty(sizes.pooled, dtype=torch.bfloat16)
    winners = torch.empty_like(pooled, dtype=torch.uint8) if needs_gradients else None
    struct, chunks = sizes.as_struct, sizes.num_chunks
    # Images are padded there; the zeros around them stay for the gradients.
    padded = float32_zeros(chunks, scratch_size("first_convolution", struct))
    tensors = (images, kernel, bias, pooled, winners, padded)
    call("first_convolution", *tensors, struct, rectified, chunks)
    return pooled, (images, winners, padded)


def _backward(
    gradient: torch.Tensor, saved: tuple[torch.Tensor, ...], sizes: Sizes, _: bool
) -> Gradients:
    images, winners, padded = saved
    num_weights, filters = sizes.kernel.numel(), sizes.kernel[-1]
    partial = float32_zeros(len(padded), num_weights + filters)
    tensors = (images, gradient, winners, padded, partial)
    call("first_convolution_backward", *tensors, sizes.as_struct, len(padded))
    kernel_gradient, bias_gradient = partial.sum(0).split([num_weights, filters])
    return None, kernel_gradient.view(sizes.kernel), bias_gradient


FIRST = ConvolutionMethod(_should_compute, torch.float32, _forward, _backward)
