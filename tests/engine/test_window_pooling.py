"""Max and average pooling of bfloat16 images by the kernels: torch's values and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from clearsight.engine.kernels.global_pooling import average_images, can_gate, gate_images
from clearsight.engine.kernels.library import has_kernel
from clearsight.engine.kernels.window_pooling import (
    average_windows,
    can_pool_windows,
    max_of_windows,
)
from clearsight.engine.operations.pooling import average_pool2d

compiled = pytest.mark.skipif(
    not has_kernel("max_pool_windows"), reason="no kernels for this processor"
)


@st.composite
def cases(draw: Any) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return a shape (N, C, H, W), and window, strides and padding in rows and columns."""
    axes = []
    lengths = []
    for _ in range(2):
        window, stride = draw(st.integers(1, 5)), draw(st.integers(1, 4))
        padding = draw(st.integers(0, window // 2))
        lengths.append(draw(st.integers(max(1, window - 2 * padding), 14)))
        axes.append((window, stride, padding))
    channels = draw(st.sampled_from([32, 33, 40, 64, 100, 192]))
    shape = (draw(st.integers(1, 3)), channels, *lengths)
    return shape, tuple(zip(*axes, strict=True))


def drawn(*shape: int) -> torch.Tensor:
    """Return different values, as far as bfloat16 has them, half of them negative."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(shape, generator=generator).bfloat16()
    return values.contiguous(memory_format=torch.channels_last)


@compiled
@settings(max_examples=40, deadline=None)
@given(cases())
def test_windows_are_averaged_as_in_torch(case: Any) -> None:
    shape, options = case
    x = drawn(*shape).requires_grad_()
    assert can_pool_windows(x, options[0])
    exact = x.detach().double().requires_grad_()
    expected = average_pool2d(exact, *options)
    found = average_windows(x, *options)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), expected, rtol=2**-8, atol=2**-9)
    towards = drawn(*found.shape)
    (ours,) = torch.autograd.grad(found, x, towards)
    (theirs,) = torch.autograd.grad(expected, exact, towards.double())
    torch.testing.assert_close(ours.double(), theirs, rtol=2**-8, atol=2**-8)


@compiled
@settings(max_examples=40, deadline=None)
@given(cases())
def test_the_largest_of_windows_is_torchs(case: Any) -> None:
    shape, options = case
    x = drawn(*shape).requires_grad_()
    found, expected = max_of_windows(x, *options), functional.max_pool2d(x, *options)
    assert torch.equal(found, expected)
    with torch.no_grad():
        assert torch.equal(max_of_windows(x, *options), found)
    # Gradients at whole numbers that are all different in their channel, so that one value wins.
    count = shape[0] * shape[2] * shape[3]
    order = torch.stack([torch.randperm(count) for _ in range(shape[1])])
    ranks = (order - count // 2).view(shape[1], shape[0], *shape[2:]).transpose(0, 1)
    bits = ranks.to(torch.int16)  # as bits of bfloat16 they have the order of the numbers
    bits = torch.where(bits < 0, (bits.abs() - 1) | -(2**15), bits)
    values = bits.view(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    values.requires_grad_()
    towards = drawn(*found.shape)
    (ours,) = torch.autograd.grad(max_of_windows(values, *options), values, towards)
    exact = ranks.double().requires_grad_()
    (theirs,) = torch.autograd.grad(functional.max_pool2d(exact, *options), exact, towards.double())
    torch.testing.assert_close(ours.double(), theirs, rtol=2**-8, atol=2**-8)


@compiled
def test_infinities_and_what_is_no_number_pool_as_in_torch() -> None:
    x = drawn(2, 32, 6, 6)
    x[0, 3] = -torch.inf
    x[0, 4, 2, 2] = torch.inf
    x[1, 5, 3, 3] = torch.nan
    x[1, 6, 3, 3] = -torch.nan
    found, expected = (
        pool(x, (3, 3), (2, 2), (1, 1)) for pool in (max_of_windows, functional.max_pool2d)
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@compiled
@pytest.mark.parametrize("shape", [(1, 32, 1, 1), (3, 40, 7, 7), (2, 100, 9, 4), (3, 192, 30, 40)])
def test_whole_images_are_averaged(shape: tuple[int, ...]) -> None:
    x = (drawn(*shape) + 3).requires_grad_()
    exact = x.detach().double().requires_grad_()
    found, expected = average_images(x), exact.mean((2, 3), keepdim=True)
    torch.testing.assert_close(found.double(), expected, rtol=2**-8, atol=0)
    towards = drawn(*found.shape)
    (ours,) = torch.autograd.grad(found, x, towards)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    (theirs,) = torch.autograd.grad(expected, exact, towards.double())
    torch.testing.assert_close(ours.double(), theirs, rtol=2**-7, atol=0)


@compiled
@pytest.mark.parametrize("shape", [(1, 32, 1, 1), (3, 40, 7, 7), (2, 100, 9, 4), (3, 192, 30, 40)])
def test_channels_are_multiplied_by_gates(shape: tuple[int, ...]) -> None:
    x, gates = drawn(*shape).requires_grad_(), (drawn(*shape[:2], 1, 1) + 1).requires_grad_()
    assert can_gate(x, gates) == (shape[2] * shape[3] >= 1024)
    exact = [tensor.detach().double().requires_grad_() for tensor in (x, gates)]
    found, expected = gate_images(x, gates), exact[0] * exact[1]
    torch.testing.assert_close(found.double(), expected, rtol=2**-8, atol=0)
    towards = drawn(*shape)
    ours = torch.autograd.grad(found, (x, gates), towards)
    theirs = torch.autograd.grad(expected, exact, towards.double())
    torch.testing.assert_close(ours[0].double(), theirs[0], rtol=2**-8, atol=0)
    torch.testing.assert_close(ours[1].double(), theirs[1], rtol=2**-8, atol=1e-4)


@compiled
def test_others_are_left_to_torch() -> None:
    assert can_pool_windows(drawn(1, 32, 4, 4), (3, 3))
    assert not can_pool_windows(drawn(1, 31, 4, 4), (3, 3))  # a vector is of 32
    assert not can_pool_windows(drawn(1, 32, 20, 20), (16, 16))  # winners have eight bits
    assert not can_pool_windows(drawn(1, 32, 4, 4).float(), (3, 3))
