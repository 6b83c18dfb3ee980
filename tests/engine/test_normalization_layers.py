"""Layer and group normalization in bfloat16, of all that they can be given."""

from __future__ import annotations

import pytest
import torch

from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

layers = keras.layers


@pytest.mark.parametrize("scales", [False, True])
@pytest.mark.parametrize("shifts", [False, True])
def test_layer_normalization_in_bfloat16_trains_what_it_has(scales: bool, shifts: bool) -> None:
    inputs = keras.Input((3, 8))
    normalize = layers.LayerNormalization(scale=scales, center=shifts)
    outputs = layers.Dense(4)(normalize(layers.Dense(8)(inputs)))
    model = keras.Model(inputs, outputs)
    values = torch.randn(5, 3, 8)
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        [output] = compile_program(model, training=True, dtype=dtype)([values])
        weights = [variable.value for variable in model.trainable_variables]
        towards = torch.cos(torch.arange(output.numel())).view(output.shape)
        results.append([output.detach(), *torch.autograd.grad(output, weights, towards)])
    for exact, found in zip(*results, strict=True):
        scale = exact.abs().max().item()
        torch.testing.assert_close(found, exact, rtol=0.05, atol=0.05 * scale)


@pytest.mark.parametrize("shape", [(2, 10, 1), (1, 1, 6)], ids=["one channel", "one pixel"])
def test_group_normalization_of_a_networks_input_has_gradients(shape: tuple[int, ...]) -> None:
    """Their axes in memory are in several orders at once, of which torch knows one."""
    inputs = keras.Input(shape)
    outputs = layers.Dense(4)(layers.Flatten()(layers.GroupNormalization(1)(inputs)))
    model = keras.Model(inputs, outputs)
    images = torch.rand(3, *shape)
    weights = [variable.value for variable in model.trainable_variables]
    [output] = compile_program(model, training=True, dtype=torch.bfloat16)([images])
    found = torch.autograd.grad(output.square().sum(), weights)
    expected = torch.autograd.grad(model(images, training=True).square().sum(), weights)
    for ours, exact in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, exact, rtol=0.05, atol=0.05 * exact.abs().max().item())
