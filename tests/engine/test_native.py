"""The compiled kernels: torch's values and gradients, whatever the sizes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.engine.kernels import convolution, max_pooling
from clearsight.engine.kernels import library as native_library
from clearsight.engine.kernels.convolution import (
    ConvolutionMethod,
    Sizes,
    convolve_and_pool,
    is_supported,
)
from clearsight.engine.kernels.first_convolution import FIRST
from clearsight.engine.kernels.library import has_kernel, library
from clearsight.engine.kernels.max_pooling import max_pool_2x2
from clearsight.engine.kernels.pooled_convolution import POOLED, can_pool
from clearsight.engine.runtime.processor import cpu_supports
from clearsight.models.backend import keras

is_bfloat16_machine = cpu_supports("avx512_bf16")
compiled = pytest.mark.skipif(
    not has_kernel("first_convolution"), reason="no kernels for this processor"
)


def test_there_are_kernels_where_they_can_be_compiled(tmp_path: Path) -> None:
    command = ["cc", "-mavx512bf16", "-xc", "-c", "-", "-o", str(tmp_path / "nothing.o")]
    if not is_bfloat16_machine or shutil.which("cc") is None:
        pytest.skip("no processor or no compiler for the kernels")
    if subprocess.run(command, input=b"int nothing;", check=False).returncode:
        pytest.skip("the compiler knows no bfloat16")
    assert library() is not None


def test_a_library_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_library, "_VERSION", -1)
    assert library.__wrapped__() is None


@compiled
def test_kernels_are_in_a_trace_of_a_step() -> None:
    kernel = torch.randn((3, 3, 1, 16)).requires_grad_()
    bias = torch.randn(16).requires_grad_()

    def gradients(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        sizes = Sizes(x.shape, kernel.shape, ((1, 1), (1, 1)))
        output = convolve_and_pool(FIRST, x, kernel, bias, sizes, rectified=True)
        pooled = max_pool_2x2(output.permute(0, 3, 1, 2), rectified=False)
        return torch.autograd.grad(pooled.float().square().sum(), (kernel, bias))

    first, second = torch.randn((2, 4, 12, 12, 1)).unbind()
    traced: Any = make_fx(gradients)(first)
    expected, found = gradients(second), traced(second)
    assert all(map(torch.equal, found, expected))
    assert not torch.equal(found[0], gradients(first)[0])


# Pooling.


def images(count: int, channels: int, height: int, width: int, dtype: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    made = torch.randn((count, channels, height, width), generator=generator).to(dtype)
    return made.contiguous(memory_format=torch.channels_last)


def expected_of(x: torch.Tensor, rectified: bool) -> torch.Tensor:
    pooled = functional.max_pool2d(x, 2)
    return functional.relu(pooled) if rectified else pooled


rectified_or_not = pytest.mark.parametrize("rectified", [True, False])


@rectified_or_not
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(3, 8, 6, 10), (2, 5, 7, 6), (1, 1, 2, 2), (4, 32, 28, 28)])
def test_pooling_gives_torchs_values(dtype: Any, shape: tuple[int, ...], rectified: bool) -> None:
    x = images(*shape, dtype)
    pooled = max_pool_2x2(x, rectified=rectified)
    assert torch.equal(pooled, expected_of(x, rectified))
    assert pooled.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert torch.equal(max_pool_2x2(x, rectified=rectified), pooled)


@rectified_or_not
@pytest.mark.parametrize("size", [(6, 8), (7, 8), (6, 9), (7, 9)])
def test_pooling_gives_torchs_gradient_where_no_two_values_are_equal(
    size: tuple[int, int], rectified: bool
) -> None:
    count = 2 * 2 * size[0] * size[1]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    x = (order - count // 2).float().view(2, 2, *size).contiguous(memory_format=torch.channels_last)
    x = x.bfloat16().requires_grad_()  # different whole numbers up to 126, half of them negative
    towards = images(2, 2, size[0] // 2, size[1] // 2, torch.bfloat16)
    (expected,) = torch.autograd.grad(expected_of(x, rectified), x, towards)
    (found,) = torch.autograd.grad(max_pool_2x2(x, rectified=rectified), x, towards)
    assert torch.equal(found, expected)


def test_equal_values_share_no_gradient_twice() -> None:
    x = torch.ones((1, 3, 4, 4), dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(max_pool_2x2(x, rectified=True).sum(), x)
    assert gradient.sum() == 3 * 4  # one of each four gets it
    assert set(gradient.flatten().tolist()) == {0.0, 1.0}


@rectified_or_not
def test_zeros_and_infinities_pool_as_in_torch(rectified: bool) -> None:
    values = [0.0, -0.0, -1.0, float("-inf"), float("inf"), 2.0, -3.0, 1e-38]
    x = torch.tensor(values, dtype=torch.bfloat16).view(1, 1, 2, 4)
    x = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(max_pool_2x2(x, rectified=rectified), expected_of(x, rectified))


@rectified_or_not
def test_every_bfloat16_pools_to_itself(rectified: bool) -> None:
    bits = torch.arange(-(2**15), 2**15).to(torch.int16)
    x = bits.view(torch.bfloat16).view(1, -1, 1, 1).expand(1, -1, 2, 2)
    pooled = max_pool_2x2(x, rectified=rectified)
    assert torch.equal(pooled.isnan(), expected_of(x, rectified).isnan())
    torch.testing.assert_close(pooled, expected_of(x, rectified), rtol=0, atol=0, equal_nan=True)


@rectified_or_not
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("place", range(4))
def test_what_is_no_number_shows(place: int, sign: int, rectified: bool) -> None:
    x = torch.ones(4, dtype=torch.bfloat16)
    x[place] = torch.copysign(torch.tensor(torch.nan), torch.tensor(float(sign)))
    x = x.view(1, 1, 2, 2).contiguous(memory_format=torch.channels_last)
    assert max_pool_2x2(x, rectified=rectified).isnan().all()


# Convolution and pooling in one.


@dataclass(frozen=True)
class Case:
    """A convolution with pooling, and what goes in.

    Attributes:
        images: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: of zeros.
        rectified: whether there is a ReLU.
        num_threads: to compute with.
        turned: whether the gradient that comes in has its axes in another order in memory.
    """

    images: tuple[int, int, int, int]
    kernel: tuple[int, int, int, int]
    edges: tuple[tuple[int, int], tuple[int, int]]
    rectified: bool
    num_threads: int
    turned: bool


@st.composite
def cases(draw: Any, *, channels: st.SearchStrategy[int], is_even: bool) -> Case:
    kernel_height, kernel_width = draw(st.integers(1, 5)), draw(st.integers(1, 5))

    def edge(size: int) -> tuple[int, int]:
        before = draw(st.integers(0, size - 1))
        return before, before if is_even else draw(st.integers(0, size - 1))

    count, num_channels = draw(st.integers(1, 5)), draw(channels)
    edges = edge(kernel_height), edge(kernel_width)
    # From one window on; kernels may be larger than images.
    height, width = (
        draw(st.integers(max(1, size + 1 - sum(around)), 13))
        for size, around in zip((kernel_height, kernel_width), edges, strict=True)
    )
    filters = 16 * draw(st.integers(1, 4))
    return Case(
        (count, height, width, num_channels),
        (kernel_height, kernel_width, num_channels, filters),
        edges,
        draw(st.booleans()),
        draw(st.integers(1, count)),
        draw(st.booleans()),
    )


def convolve(
    x: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    edges: Any,
    *,
    by: ConvolutionMethod,
    rectified: bool,
) -> torch.Tensor:
    sizes = Sizes(x.shape, kernel.shape, edges)
    return convolve_and_pool(by, x, kernel, bias, sizes, rectified=rectified)


first, pooled = partial(convolve, by=FIRST), partial(convolve, by=POOLED)


def gradients_of(case: Case, convolve: Callable[..., torch.Tensor]) -> list[torch.Tensor]:
    """Return what comes out, and the gradients of images (if asked for), kernel and bias."""
    generator = torch.Generator().manual_seed(1)
    shapes = (case.images, case.kernel, case.kernel[-1:])
    x, kernel, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float32) for shape in shapes
    )
    # Of few digits, so that bfloat16 holds them, and all sums are the same whatever their order.
    x, kernel, bias = ((value * 4).round().div(4) for value in (x, kernel, bias))
    x, kernel, bias = (value.detach().requires_grad_() for value in (x, kernel, bias))
    inputs = [x, kernel, bias]
    if convolve is first:
        inputs = [kernel, bias]
        x = x.detach()
    number, torch_threads = case.num_threads, torch.get_num_threads()
    try:
        torch.set_num_threads(number)
        output = convolve(x, kernel, bias, case.edges, rectified=case.rectified)
        towards = torch.randn(output.shape, generator=generator, dtype=torch.float32)
        towards = towards.mul(4).round()
        if case.turned:
            towards = towards.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
        gradients = torch.autograd.grad(output, inputs, towards.to(output.dtype))
    finally:
        torch.set_num_threads(torch_threads)
    return [output, *gradients]


def in_torch(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, edges: Any, *, rectified: bool
) -> torch.Tensor:
    (top, bottom), (left, right) = edges
    padded = functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
    convolved = functional.conv2d(padded, kernel.permute(3, 2, 0, 1), bias)
    return expected_of(convolved, rectified).permute(0, 2, 3, 1)


def rounded_in_torch(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, edges: Any, *, rectified: bool
) -> torch.Tensor:
    """The same, with what is pooled rounded to bfloat16: which value wins depends on that."""

    (top, bottom), (left, right) = edges
    padded = functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
    convolved = functional.conv2d(padded, kernel.permute(3, 2, 0, 1), bias)
    convolved = convolved + (convolved.bfloat16() - convolved).detach()  # its gradient is 1
    return expected_of(convolved, rectified).permute(0, 2, 3, 1)


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor], is_first: bool) -> None:
    for index, (ours, torchs) in enumerate(zip(found, expected, strict=True)):
        # The values, and the gradient of the images, are bfloat16: eight binary digits.
        tolerance = 2**-8 if index == 0 or (index == 1 and not is_first) else 1e-5
        error = (ours.float() - torchs).abs().max() / torchs.abs().max().clamp(min=1e-6)
        assert error <= tolerance, (index, float(error))


@compiled
@settings(max_examples=150, deadline=None)
@given(cases(channels=st.integers(1, 3), is_even=False))
def test_a_first_convolution_agrees_with_torch(case: Case) -> None:
    x, kernel = torch.empty(case.images), torch.empty(case.kernel)
    sizes = Sizes(x.shape, kernel.shape, case.edges)
    is_few = len(x) < torch.get_num_threads()
    assert is_few or (is_supported(x, kernel, sizes) and FIRST.should_compute(x, sizes))
    found = gradients_of(case, first)
    expected = gradients_of(case, in_torch)
    assert_same(found, [expected[0], *expected[2:]], is_first=True)


@compiled
@settings(max_examples=150, deadline=None)
@given(cases(channels=st.sampled_from([16, 32, 48, 64]), is_even=True))
def test_a_pooled_convolution_agrees_with_torch(case: Case) -> None:
    x, kernel = torch.empty(case.images), torch.empty(case.kernel)
    sizes = Sizes(x.shape, kernel.shape, case.edges)
    is_few = len(x) < torch.get_num_threads()
    assert is_few or (is_supported(x, kernel, sizes) and can_pool(sizes))
    found = gradients_of(case, pooled)
    assert_same(found, gradients_of(case, rounded_in_torch), is_first=False)


@compiled
def test_a_frozen_convolution_passes_gradients_on() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, 8, 8, 16), generator=generator).mul(4).round().div(4)
    x = x.bfloat16().requires_grad_()
    kernel = torch.randn((3, 3, 16, 16), generator=generator).mul(4).round().div(4)
    bias = torch.zeros(16)
    edges = ((1, 1), (1, 1))
    output = pooled(x, kernel, bias, edges, rectified=True)
    (found,) = torch.autograd.grad(output.sum(), x)
    reference = rounded_in_torch(x.float(), kernel, bias, edges, rectified=True)
    (expected,) = torch.autograd.grad(reference.sum(), x)
    assert (found - expected).abs().max() / expected.abs().max() < 2**-6


# In a network.


def network(policy: str) -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu", dtype=policy),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, use_bias=False, dtype=policy),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return clearsight.accelerate(model, "bfloat16", "cpu")


@compiled
@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_images_or_none_are_predicted(count: int) -> None:
    model = network("float32")
    images = np.random.default_rng(0).random((3, 28, 28, 1), dtype="float32")
    every = model.predict_on_batch(images)
    found = model.predict_on_batch(images[:count])
    assert found.shape == (count, 10)
    np.testing.assert_allclose(found, every[:count], atol=0.02)


@compiled
@pytest.mark.parametrize("channels", [1, 16])
def test_torchs_defaults_do_not_matter(channels: int) -> None:
    size = (3, 3, channels, 16)
    case = Case((4, 9, 9, channels), size, ((1, 1), (1, 1)), True, 2, False)
    convolve = first if channels == 1 else pooled
    expected = gradients_of(case, convolve)
    try:
        torch.set_default_dtype(torch.float64)
        found = gradients_of(case, convolve)
    finally:
        torch.set_default_dtype(torch.float32)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)


@compiled
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16"])
def test_a_network_learns_the_same_with_kernels_and_without(
    policy: str, fashion: tuple[ImageSet, ImageSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = fashion[0].images[:640].astype("float32") / 255
    labels = fashion[0].labels[:640]

    def trained() -> tuple[list[float], np.ndarray]:
        model = network(policy)
        history = model.fit(images, labels, epochs=2, batch_size=32, shuffle=False, verbose=0)
        return history.history["loss"], model.predict(images, verbose=0)

    with_kernels, probabilities = trained()
    for module in (max_pooling, convolution):
        monkeypatch.setattr(module, "has_kernel", lambda _: False)
    without, others = trained()
    # Two ways of rounding to eight binary digits, 40 steps.
    assert with_kernels == pytest.approx(without, rel=0.02)
    assert np.mean(probabilities.argmax(-1) == others.argmax(-1)) > 0.9
