"""Layer normalization in bfloat16, with and without its scale and its shift."""

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
