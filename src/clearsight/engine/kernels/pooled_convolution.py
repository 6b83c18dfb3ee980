"""`POOLED`: a convolution of at least 16 channels; see `pooled_convolution.c`."""

import torch

from clearsight.engine.kernels.convolution import ConvolutionMethod, Gradients, Saved, Sizes
from clearsight.engine.kernels.library import call, float32_zeros, scratch_size
from clearsight.engine.kernels.max_pooling import pool_with_winners
from clearsight.engine.runtime.processor import cpu_supports

_LANES = 16  # channels, or filters, that are computed together
_MAX_IMAGE_VALUES = 2**18  # an image as float32 should fit into a core's L2 cache
_MAX_WEIGHTS = 2**22  # whose gradients all threads together hold


def can_pool(sizes: Sizes) -> bool:
    """Return whether `POOLED` can compute a convolution of these sizes."""
    channels, filters = sizes.kernel[2:]
    return (
        channels % _LANES == filters % _LANES == 0
        and all(before == after for before, after in sizes.edges)
        and sizes.images[1:].numel() <= _MAX_IMAGE_VALUES
        and sizes.kernel.numel() * torch.get_num_threads() <= _MAX_WEIGHTS
    )


def _should_compute(images: torch.Tensor, sizes: Sizes) -> bool:
    """Return whether `POOLED` can compute a convolution, and faster than torch.

    With AMX torch's dense products are faster: an epoch of the reference job took 0.95 to 0.97 s
    with them and 1.04 to 1.06 s with these kernels (medians of 6, twice, two cores of a Xeon of
    model 167).
    """
    del images
    return not cpu_supports("amx_tile") and can_pool(sizes)


def _forward(
    images: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    sizes: Sizes,
    rectified: bool,
    needs_gradients: bool,
) -> tuple[torch.Tensor, Saved]:
    (top, _), (left, _) = sizes.edges
    convolved = torch.conv2d(
        images.permute(0, 3, 1, 2),
        kernel.permute(3, 2, 0, 1).bfloat16(),
        bias.bfloat16(),
        padding=(top, left),
    )
    last = convolved.bfloat16().permute(0, 2, 3, 1).contiguous()
    pooled, winners = pool_with_winners(last, rectified=rectified, needs_gradients=needs_gradients)
    return pooled, (images, kernel, winners)


def _backward(
    gradient: torch.Tensor,
    saved: tuple[torch.Tensor, ...],
    sizes: Sizes,
    images_need_gradient: bool,
) -> Gradients:
    images, kernel, winners = saved
    height, width, channels, filters = kernel.shape
    output = torch.empty_like(images) if images_need_gradient else None
    filters_first = kernel.permute(3, 0, 1, 2).contiguous()
    struct, chunks = sizes.as_struct, sizes.num_chunks
    partial = float32_zeros(chunks, filters_first.numel() + filters)
    scratch = float32_zeros(chunks, scratch_size("pooled_convolution", struct))
    tensors = (images, filters_first, gradient, winners, output, partial, scratch)
    call("pooled_convolution_backward", *tensors, struct, chunks)
    kernel_gradient, bias_gradient = partial.sum(0).split([filters_first.numel(), filters])
    kernel_gradient = kernel_gradient.view(filters, height, width, channels).permute(1, 2, 3, 0)
    return output, kernel_gradient.contiguous(), bias_gradient


POOLED = ConvolutionMethod(_should_compute, torch.bfloat16, _forward, _backward)
