"""The kernel that moves images by affine maps: torch's single operations, to the bit."""

from __future__ import annotations

import pytest
import torch

from clearsight.engine.kernels import affine as kernel
from clearsight.engine.kernels.library import has_kernel
from clearsight.engine.lowering.augmentation import sample

compiled = pytest.mark.skipif(not has_kernel("affine"), reason="no kernels for this processor")

FILL_MODES = ["constant", "nearest", "wrap", "reflect", "mirror"]


@compiled
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_are_moved_as_by_torch(fill_mode: str, interpolation: str, channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([1, 1, 20, 1, 1, 20, 0, 0], dtype=torch.float32)
    unmoved = torch.tensor([1, 0, 0, 0, 1, 0, 0, 0], dtype=torch.float32)
    for height, width in ((1, 1), (1, 7), (5, 2), (9, 8), (17, 30)):
        images = torch.rand((6, height, width, channels), generator=generator) * 255
        matrices = torch.randn((6, 8), generator=generator) * scales
        matrices[2:4] = unmoved + (matrices[2:4] * (scales > 1)).round() / 2  # ties in rounding
        matrices[4] = unmoved
        assert kernel.can_sample(images, matrices)
        found = kernel.sample_affine(images, matrices, interpolation, fill_mode, 0.7)
        assert torch.equal(found, sample(images, matrices, interpolation, fill_mode, 0.7))


@compiled
def test_no_images_are_moved_to_none() -> None:
    images, matrices = torch.empty((0, 4, 5, 3)), torch.empty((0, 8))
    assert kernel.sample_affine(images, matrices, "bilinear", "reflect", 0).shape == images.shape


def test_images_whose_gradient_is_asked_for_are_left_to_torch() -> None:
    images = torch.rand((2, 4, 5, 3), requires_grad=True)
    assert not kernel.can_sample(images, torch.rand((2, 8)))
    assert not kernel.can_sample(images.detach().double(), torch.rand((2, 8)))
