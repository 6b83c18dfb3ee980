"""An affine transformation of each image, in one pass; see `affine.c`."""

import torch

from clearsight.engine.kernels.library import call, has_kernel

_FILL_MODES = ("constant", "nearest", "wrap", "reflect", "mirror")  # numbered as in the C file


def can_sample(images: torch.Tensor, matrices: torch.Tensor) -> bool:
    """Return whether there is a kernel for `sample_affine` of these; shapes as there."""
    return (
        images.dtype is torch.float32
        and matrices.dtype is torch.float32
        and images.device.type == "cpu"
        and not images.requires_grad  # the kernel has no gradient
        and has_kernel("affine")
    )


def sample_affine(
    images: torch.Tensor,
    matrices: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> torch.Tensor:
    """Return what `engine.lowering.augmentation.sample` returns, to the bit.

    Args:
        images: float32 (N, H, W, C); see `can_sample`.
        matrices: float32 (N, 8).
        interpolation: "nearest" or "bilinear".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: for "constant".

    Returns:
        float32 (N, H, W, C).
    """
    images, matrices = images.contiguous(), matrices.contiguous()
    output = torch.empty_like(images)
    mode, is_bilinear = _FILL_MODES.index(fill_mode), interpolation == "bilinear"
    num_threads = torch.get_num_threads()
    call(
        "affine", images, matrices, output, images.shape, mode, fill_value, is_bilinear, num_threads
    )
    return output
