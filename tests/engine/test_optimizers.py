"""The fused updates against Keras's own, on the same gradients, weights and state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from clearsight.engine.optimizers.fused import Update
from clearsight.engine.optimizers.muon import Muon
from clearsight.models.backend import keras

optimizers = keras.optimizers
SHAPES = [(3, 3, 4, 8), (8,), (40, 12), (12, 40), (10,)]
NUM_STEPS = 12


def ramp(start: float = 0.02) -> Any:
    return optimizers.schedules.PolynomialDecay(start, NUM_STEPS, 0.001)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: optimizers.Adam(0.01),
    "adam with a large epsilon": lambda: optimizers.Adam(0.01, epsilon=0.1),
    "adam with other betas": lambda: optimizers.Adam(0.01, beta_1=0.8, beta_2=0.9),
    "adam with a schedule": lambda: optimizers.Adam(ramp()),
    "adam with amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "sgd": lambda: optimizers.SGD(0.1),
    "sgd with momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "sgd with nesterov momentum": lambda: optimizers.SGD(ramp(0.1), momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "centered rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.9, centered=True),
    "muon": lambda: optimizers.Muon(0.02, exclude_layers=["last"]),
    "muon for kernels": lambda: Muon(
        0.02, exclude_layers=["last"], adam_lr_ratio=0.2, ns_steps=4, weight_decay=0.01
    ),
    "nadam, which is not fused": lambda: optimizers.Nadam(0.01),
    "clipnorm": lambda: optimizers.Adam(0.01, clipnorm=0.5),
    "clipvalue": lambda: optimizers.SGD(0.1, clipvalue=0.01),
    "global_clipnorm": lambda: optimizers.SGD(0.1, global_clipnorm=0.1),
    "weight decay": lambda: optimizers.SGD(0.1, momentum=0.9, weight_decay=0.05),
    "averages": lambda: optimizers.Adam(
        0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=5
    ),
    "accumulation": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=3),
}


def variables() -> list[Any]:
    generator = torch.Generator().manual_seed(0)
    made = [
        keras.Variable(torch.randn(shape, generator=generator), name=f"weight_{index}")
        for index, shape in enumerate(SHAPES)
    ]
    made.append(keras.Variable(torch.randn((12, 5), generator=generator), name="last_kernel"))
    return made


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fused_update_does_what_kerass_apply_does(name: str) -> None:
    assert_same_updates(name, NUM_STEPS, rtol=2e-5, atol=2e-6)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_hundred_fused_updates_in_float64(name: str) -> None:
    """Rounding hides no fault in float64."""
    assert_same_updates(name, 200, rtol=1e-9, atol=1e-9)


def assert_same_updates(name: str, num_steps: int, *, rtol: float, atol: float) -> None:
    """Update the same variables by Keras and fused, and compare them and the optimizers' state."""
    by_keras, fused = OPTIMIZERS[name](), OPTIMIZERS[name]()
    expected, found = variables(), variables()
    update = Update(fused, found)
    generator = torch.Generator().manual_seed(1)
    for _ in range(num_steps):
        gradients = [torch.randn(v.shape, generator=generator) * 0.1 for v in expected]
        by_keras.apply([g.clone() for g in gradients], expected)
        with torch.no_grad():
            update([g.clone() for g in gradients])
    pairs = [*zip(expected, found, strict=True)]
    pairs += zip(by_keras.variables, fused.variables, strict=True)
    for wanted, got in pairs:
        torch.testing.assert_close(
            keras.ops.convert_to_tensor(got),
            keras.ops.convert_to_tensor(wanted),
            rtol=rtol,
            atol=atol,
        )


def test_a_constraint_is_kept_after_every_step() -> None:
    weight = keras.Variable(torch.ones((4, 3)), name="weight")
    weight.constraint = keras.constraints.MaxNorm(0.5, axis=0)
    update = Update(keras.optimizers.SGD(0.1), [weight])
    with torch.no_grad():
        update([-torch.ones((4, 3))])
    assert torch.linalg.vector_norm(weight.value, dim=0).max() <= 0.5 + 1e-6


def test_a_gradient_that_is_absent_leaves_its_variable_and_is_reported() -> None:
    first, second = variables()[:2]
    update = Update(keras.optimizers.Adam(0.01), [first, second])
    before = second.value.detach().clone()
    with torch.no_grad(), pytest.warns(UserWarning, match="Gradients do not exist"):
        update([torch.ones(first.shape), None])
    assert torch.equal(second.value, before)
    assert not torch.equal(first.value, variables()[0].value)
