"""Operations of `keras.ops` in a graph: lowered with Keras's bits, or left to Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

layers, ops = keras.layers, keras.ops
CONSTANT = np.linspace(0, 1, 24, dtype="float32").reshape(1, 2, 3, 4)

LOWERED: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + layers.Permute((1, 2, 3))(x),
    "add to itself": lambda x: x + x,
    "broadcast": lambda x: x * x[:, :1],
    "number": lambda x: (0.1 - x * 3) + 0.7,
    "subtract": lambda x: ops.subtract(x, x * x),
    "reshape": lambda x: ops.reshape(x, (-1, 6, 4)),
    "flatten": lambda x: ops.reshape(x, (-1, 24)),
    "transpose": lambda x: ops.transpose(x, (0, 3, 1, 2)),
    "first of a sequence": lambda x: x[:, 0],
    "slices": lambda x: x[:, ::2, None, ..., 1:-1],
    "mean": lambda x: ops.mean(x, axis=(1, 2)),
    "mean, kept": lambda x: ops.mean(x, axis=-1, keepdims=True),
    "concatenate": lambda x: ops.concatenate([x, x * 2, x], axis=2),
}

LEFT: dict[str, Callable[[Any], Any]] = {
    "constant": lambda x: x + CONSTANT,
    "constant joined": lambda x: ops.concatenate([x, CONSTANT], axis=0),
    "other rank": lambda x: x + ops.mean(x, axis=0),
    "images": lambda x: x[1:, :],
    "mean of images": lambda x: x - ops.mean(x, axis=0, keepdims=True),
    "mean of all": lambda x: x - ops.mean(x),
    "images and rows": lambda x: ops.reshape(x, (-1, 4)),
    "integers": lambda x: ops.cast(ops.cast(x * 9, "int32") + 1, "float32"),
    "several types": lambda x: ops.cast(x, "float16") + x,
}


@pytest.mark.parametrize("name", [*LOWERED, *LEFT])
def test_an_operation_gives_kerass_bits(name: str) -> None:
    inputs = keras.Input((2, 3, 4))
    model = keras.Model(inputs, {**LOWERED, **LEFT}[name](inputs))
    program = compile_program(model, training=True, dtype=torch.float32)
    assert program.runs_keras == (name in LEFT)
    x = torch.rand((3, 2, 3, 4), generator=torch.Generator().manual_seed(0)) - 0.5
    x.requires_grad_()
    outputs = [model(x), program([x])[0]]
    assert torch.equal(outputs[1], outputs[0])
    if outputs[0].requires_grad:
        expected, found = (torch.autograd.grad(y.square().sum(), x)[0] for y in outputs)
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", LOWERED)
def test_an_operation_keeps_16_bits(name: str) -> None:
    inputs = keras.Input((2, 3, 4))
    values = LOWERED[name](layers.Dense(4)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(values))
    program = compile_program(model, training=True, dtype=torch.bfloat16)
    assert not program.runs_keras
    x = torch.rand((3, 2, 3, 4), generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.allclose(program([x])[0], model(x), atol=0.05)
