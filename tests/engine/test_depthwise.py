"""Depthwise convolutions in bfloat16: torch's values and gradients, whatever the sizes."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

import clearsight
from clearsight.engine.kernels import depthwise_convolution
from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes
from clearsight.engine.kernels.depthwise_convolution import (
    can_convolve_depthwise,
    convolve_depthwise,
)
from clearsight.engine.kernels.library import has_kernel
from clearsight.engine.lowering.activation import relu
from clearsight.engine.lowering.site import Site
from clearsight.engine.operations.convolution import Convolution
from clearsight.engine.program.compilation import compile_program
from clearsight.engine.runtime.processor import cpu_supports
from clearsight.models.backend import keras

layers = keras.layers
compiled = pytest.mark.skipif(
    not has_kernel("depthwise_convolution"), reason="no kernels for this processor"
)


@st.composite
def cases(draw: st.DrawFn) -> ConvolutionSizes:
    kernel = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    strides, dilation = (
        (draw(st.integers(1, most)), draw(st.integers(1, most))) for most in (4, 3)
    )
    edges: Any = tuple((draw(st.integers(0, size)), draw(st.integers(0, size))) for size in kernel)
    height, width = (
        draw(st.integers(max(1, (taps - 1) * spread + 1 - sum(around)), 26))
        for taps, spread, around in zip(kernel, dilation, edges, strict=True)
    )
    channels = draw(st.sampled_from([16, 17, 24, 31, 32, 33, 40, 56, 64, 100]))
    return ConvolutionSizes(
        (draw(st.integers(1, 3)), channels, height, width), kernel, strides, dilation, edges
    )


def in_torch(x: torch.Tensor, kernel: torch.Tensor, bias: Any, sizes: Any) -> torch.Tensor:
    (top, bottom), (left, right) = sizes.edges
    x = functional.pad(x, (left, right, top, bottom))
    return functional.conv2d(x, kernel, bias, sizes.strides, 0, sizes.dilation, len(kernel))


def drawn(sizes: ConvolutionSizes, has_bias: bool) -> list[torch.Tensor | None]:
    channels = sizes.images[1]
    generator = torch.Generator().manual_seed(0)
    shapes = (sizes.images, (channels, 1, *sizes.kernel), (channels,))
    x, kernel, bias = (torch.randn(shape, generator=generator).bfloat16() for shape in shapes)
    x = x.contiguous(memory_format=torch.channels_last)
    return [x, kernel, bias if has_bias else None]


def results(convolve: Any, inputs: list[Any], sizes: ConvolutionSizes, dtype: Any) -> list[Any]:
    inputs = [None if i is None else i.detach().to(dtype).requires_grad_() for i in inputs]
    output = convolve(*inputs, sizes)
    generator = torch.Generator().manual_seed(1)
    towards = torch.randn(output.shape, generator=generator).bfloat16().to(dtype)
    needed = [value for value in inputs if value is not None]
    return [output.detach(), *torch.autograd.grad(output, needed, towards)]


@compiled
@settings(max_examples=80, deadline=None)
@given(sizes=cases(), has_bias=st.booleans(), num_threads=st.integers(1, 5))
def test_values_and_gradients_are_those_of_float64(
    sizes: ConvolutionSizes, has_bias: bool, num_threads: int
) -> None:
    inputs = drawn(sizes, has_bias)
    expected = results(in_torch, inputs, sizes, torch.float64)
    torch_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(num_threads)
        assert can_convolve_depthwise(inputs[0], inputs[1], sizes)  # pyright: ignore[reportArgumentType]
        found = results(convolve_depthwise, inputs, sizes, torch.bfloat16)
    finally:
        torch.set_num_threads(torch_threads)
    for index, (ours, exact) in enumerate(zip(found, expected, strict=True)):
        assert ours.shape == exact.shape
        error = (ours.double() - exact).abs().max() / exact.abs().max().clamp(min=1e-6)
        assert error <= 2**-8, (index, float(error))  # eight binary digits


@compiled
def test_what_is_no_number_shows() -> None:
    sizes = ConvolutionSizes((1, 16, 5, 5), (3, 3), (2, 2), (1, 1), ((1, 1), (1, 1)))
    x, kernel, _ = drawn(sizes, has_bias=False)
    assert x is not None
    x[0, 3, 2, 2] = torch.nan
    x[0, 4, 2, 2] = torch.inf
    output = convolve_depthwise(x, kernel, None, sizes)  # pyright: ignore[reportArgumentType]
    expected = in_torch(x.double(), kernel.double(), None, sizes)  # pyright: ignore[reportOptionalMemberAccess]
    assert torch.equal(output.isnan(), expected.isnan())
    assert torch.equal(output.isinf(), expected.isinf())


@compiled
def test_convolutions_are_in_a_trace_of_a_step() -> None:
    sizes = ConvolutionSizes((2, 16, 9, 9), (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)))
    x, kernel, bias = drawn(sizes, has_bias=True)

    def gradients(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        weights: Any = [value.detach().requires_grad_() for value in (kernel, bias)]  # pyright: ignore[reportOptionalMemberAccess]
        output = convolve_depthwise(images, *weights, sizes)
        return torch.autograd.grad(output.float().square().sum(), weights)

    assert x is not None
    traced: Any = make_fx(gradients)(x)
    other = x.flip(0).contiguous(memory_format=torch.channels_last) * 2
    assert all(map(torch.equal, traced(other), gradients(other)))


def small_mobile_network(*, has_normalization: bool = True) -> Any:
    """Return a network of depthwise convolutions as in MobileNet, EfficientNet and ConvMixer."""

    def normalized(v: Any) -> Any:
        return layers.BatchNormalization()(v) if has_normalization else v

    images = keras.Input((32, 32, 3))
    v = layers.Conv2D(16, 3, padding="same", use_bias=False)(images)
    v = layers.ReLU(6.0)(normalized(v))
    for size, stride, multiplier in ((3, 2, 1), (5, 2, 1), (5, 1, 2)):
        v = layers.DepthwiseConv2D(
            size, stride, "same", depth_multiplier=multiplier, activation="silu"
        )(v)
        v = normalized(v)
    v = layers.SeparableConv2D(24, 3, activation="hard_silu")(v)
    v = layers.GlobalAveragePooling2D()(v)
    return keras.Model(images, layers.Dense(4, activation="softmax")(v))


def trained(precision: Any, **options: bool) -> tuple[list[float], Any]:
    """Return the losses of 20 steps, and predictions; None: by plain Keras."""
    keras.utils.set_random_seed(0)
    model = small_mobile_network(**options)
    model.compile("adam", "sparse_categorical_crossentropy")
    if precision is not None:
        clearsight.accelerate(model, precision=precision)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(64) % 4
    images = torch.randn((64, 32, 32, 3), generator=generator) * 0.3
    images[..., 0] += labels[:, None, None] - 1.5
    history = model.fit(
        images.numpy(), labels.numpy(), batch_size=16, epochs=5, shuffle=False, verbose=0
    )
    return history.history["loss"], model.predict(images.numpy(), verbose=0)


def test_a_network_in_float32_learns_as_in_keras() -> None:
    losses, predictions = trained("float32", has_normalization=False)
    expected, theirs = trained(None, has_normalization=False)
    assert losses == pytest.approx(expected, rel=1e-6)
    assert abs(predictions - theirs).max() < 1e-5


@pytest.mark.parametrize("maximum", [6.0, 6, 1.0])
def test_relu_with_a_maximum_has_kerass_bits_at_its_limits(maximum: float) -> None:
    layer = layers.ReLU(maximum)
    values = torch.tensor([[-1.0, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, torch.inf, torch.nan]])
    (operation,) = relu(layer, Site(training=True, dtype=torch.float32, input_shapes=((10,),)))
    both = []
    for function in (layer, operation.apply):
        x = values.clone().requires_grad_()
        output = function(x)
        (gradient,) = torch.autograd.grad(output, x, torch.ones_like(output))
        both.append(torch.stack([output.detach(), gradient]))
    torch.testing.assert_close(both[1], both[0], rtol=0, atol=0, equal_nan=True)


@pytest.mark.skipif(not cpu_supports("avx512_bf16"), reason="bfloat16 is emulated")
def test_a_network_learns_the_same_with_kernels_and_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses, predictions = trained("bfloat16")
    monkeypatch.setattr(depthwise_convolution, "has_kernel", lambda _: False)
    without, others = trained("bfloat16")
    expected, _ = trained("float32")
    # Three ways of rounding, 20 steps.
    assert losses == pytest.approx(without, rel=0.05)
    assert losses == pytest.approx(expected, rel=0.05)
    assert abs(predictions - others).max() < 0.1


@compiled
def test_layers_use_the_kernel_in_bfloat16_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    module = sys.modules[Convolution.__module__]
    monkeypatch.setattr(
        module, "convolve_depthwise", lambda *given: calls.append(1) or convolve_depthwise(*given)
    )
    model = small_mobile_network()
    images = torch.rand(2, 32, 32, 3)
    for dtype, expected in ((torch.bfloat16, 2), (torch.float32, 0), (torch.float64, 0)):
        calls.clear()
        compile_program(model, training=True, dtype=dtype)([images.to(dtype)])
        # The third has two filters for each channel; the separable one's multiplier is one.
        assert len(calls) == (expected + 1 if expected else 0)
