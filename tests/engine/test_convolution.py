"""Convolutions in bfloat16 at sizes where oneDNN's results are not those of float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

layers = keras.layers

SAME: Any = {"padding": "same", "use_bias": False}
CASES: dict[str, tuple[Any, tuple[int, int, int]]] = {
    "a narrow image": (lambda: layers.Conv2D(33, (6, 3), strides=2, **SAME), (6, 1, 33)),
    "a narrow image in groups": (
        lambda: layers.Conv2D(8, (5, 3), strides=2, groups=2, **SAME),
        (7, 1, 2),
    ),
    "a narrow image of separate channels": (
        lambda: layers.DepthwiseConv2D((5, 3), strides=2, **SAME),
        (7, 1, 3),
    ),
    "a narrow image with several filters for each channel": (
        lambda: layers.DepthwiseConv2D((5, 3), strides=2, depth_multiplier=2, **SAME),
        (7, 1, 3),
    ),
    "a single column of windows": (
        lambda: layers.Conv2D(16, (3, 4), strides=4, use_bias=False),
        (6, 4, 16),
    ),
    "a single column of few channels": (
        lambda: layers.Conv2D(16, (1, 3), strides=(1, 3), use_bias=False),
        (3, 5, 1),
    ),
    "strides that differ": (
        lambda: layers.DepthwiseConv2D(2, strides=(1, 2), depth_multiplier=2, use_bias=False),
        (4, 2, 33),
    ),
}


def leave_in_memory(value: float) -> None:
    """Free memory that holds a value, which whoever does not write all of theirs will show."""
    sizes = [2**power for power in range(6, 18)]
    freed = [torch.full((size,), value, dtype=torch.bfloat16) for size in sizes for _ in range(4)]
    del freed


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_float64(name: str) -> None:
    make, shape = CASES[name]
    inputs = keras.Input(shape)
    outputs = layers.Dense(1)(layers.Flatten()(make()(inputs)))
    model = keras.Model(inputs, outputs)
    kernel = model.layers[1].weights[0]
    kernel.assign(kernel.value.bfloat16().float())
    images = torch.randn((3, *shape)).bfloat16()
    needs_gradient = shape[-1] > 1
    results = []
    for dtype in (torch.float64, torch.bfloat16):
        program = compile_program(model, training=True, dtype=dtype)
        [convolution] = [node.operation for node in program.nodes if node.operation.weights()][:1]
        taken = images.to(dtype).permute(0, 3, 1, 2).requires_grad_(needs_gradient)
        leave_in_memory(1e30)
        convolved = convolution.apply(taken, *convolution.weights())
        towards = torch.cos(torch.arange(convolved.numel())).view(convolved.shape).bfloat16()
        leave_in_memory(1e30)
        sources = (taken, kernel.value) if needs_gradient else (kernel.value,)
        gradients = torch.autograd.grad(convolved, sources, towards.to(dtype))
        results.append((convolved.detach(), *gradients))
    for exact, found in zip(*results, strict=True):
        scale = exact.abs().max().item()
        torch.testing.assert_close(found.double(), exact.double(), rtol=0.02, atol=0.02 * scale)
