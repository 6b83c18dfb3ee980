"""The gradient of a strided convolution of few channels: torch's, whatever the sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from clearsight.engine.kernels import few_channels
from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes
from clearsight.engine.kernels.few_channels import (
    can_convolve_few_channels,
    convolve_few_channels,
)
from clearsight.engine.kernels.library import has_kernel
from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

layers = keras.layers
compiled = pytest.mark.skipif(
    not has_kernel("few_channels_kernel_gradient"), reason="no kernels for this processor"
)


@st.composite
def cases(draw: st.DrawFn) -> ConvolutionSizes:
    kernel = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    strides = draw(st.integers(2, 4)), draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    edges = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in kernel)
    height, width = (
        draw(st.integers(max(1, (taps - 1) * spread + 1 - sum(around)), 20))
        for taps, spread, around in zip(kernel, dilation, edges, strict=True)
    )
    images = draw(st.integers(1, 3)), draw(st.integers(1, 4)), height, width
    around: Any = (kernel, strides, dilation, edges)
    return ConvolutionSizes(images, *around)


@compiled
@settings(max_examples=40, deadline=None)
@given(cases(), st.sampled_from([16, 32, 48, 64]), st.booleans(), st.integers(1, 3))
def test_values_and_gradients_are_those_of_float64(
    sizes: ConvolutionSizes, filters: int, has_bias: bool, num_threads: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    kernel_shape = (filters, sizes.images[1], *sizes.kernel)
    x, kernel, bias = (
        torch.randn(shape, generator=generator).bfloat16()
        for shape in (sizes.images, kernel_shape, (filters,))
    )
    weights = [kernel, bias] if has_bias else [kernel]
    ours = [weight.clone().requires_grad_() for weight in weights]
    exact = [weight.double().requires_grad_() for weight in weights]
    (top, bottom), (left, right) = sizes.edges
    padded = functional.pad(x.double(), (left, right, top, bottom))
    expected = functional.conv2d(
        padded,
        *exact,
        **({} if has_bias else {"bias": None}),
        stride=sizes.strides,
        dilation=sizes.dilation,
    )
    towards = torch.randn(expected.shape, generator=generator).bfloat16()
    torch_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(num_threads)
        assert can_convolve_few_channels(x, ours[0], sizes)
        found = convolve_few_channels(x, ours[0], ours[1] if has_bias else None, sizes)
        gradients = torch.autograd.grad(found, ours, towards)
    finally:
        torch.set_num_threads(torch_threads)
    expected_gradients = torch.autograd.grad(expected, exact, towards.double())
    pairs = [(found, expected), *zip(gradients, expected_gradients, strict=True)]
    for index, (value, double) in enumerate(pairs):
        error = (value.double() - double).abs().max() / double.abs().max().clamp(min=1e-6)
        assert error <= 2**-7, (index, float(error))  # bfloat16 has eight binary digits


def test_the_first_layers_gradient_is_the_same_without_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = keras.Input((17, 17, 3))
    v = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(images)
    model = keras.Model(images, layers.GlobalAveragePooling2D()(v))
    weights = [variable.value for variable in model.trainable_variables]
    x = torch.rand(4, 17, 17, 3)

    def gradients() -> tuple[torch.Tensor, ...]:
        program = compile_program(model, training=True, dtype=torch.bfloat16)
        return torch.autograd.grad(program([x])[0].square().sum(), weights)

    with_kernel = gradients()
    monkeypatch.setattr(few_channels, "has_kernel", lambda _: False)
    for found, expected in zip(with_kernel, gradients(), strict=True):
        assert found.dtype is expected.dtype is torch.float32
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
