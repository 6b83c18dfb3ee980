"""Every lowered layer against Keras itself in float32: outputs, gradients, changed statistics."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearsight.engine.lowering import ARGUMENTS, LOWERINGS
from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras
from support.layer_cases import CASES, Case

TOLERANCE = 1e-5  # relative to the largest value: float32 rounds at 6e-8, sums of hundreds more


def test_every_lowered_layer_has_a_case() -> None:
    assert set(CASES) == set(LOWERINGS)


@pytest.mark.parametrize("name", sorted(LOWERINGS))
def test_a_lowered_layer_computes_what_keras_computes(name: str) -> None:
    @settings(max_examples=12, suppress_health_check=list(HealthCheck))
    @given(case=CASES[name], training=st.booleans())
    def check(case: Case, training: bool) -> None:
        make, shapes = case
        layer = make()
        assert type(layer) is LOWERINGS[name][0]
        compare(layer, shapes, training=training)

    check()


LEFT_FOR_THEIR_BITS = {"GroupNormalization", "UpSampling2D"}  # in trainings in float32


def compare(layer: Any, shapes: list[tuple[int, ...]], *, training: bool) -> None:
    """Run a layer by Keras and lowered, from the same state and the same random numbers."""
    keras.utils.set_random_seed(11)
    is_embedding = isinstance(layer, keras.layers.Embedding)
    inputs = [keras.Input(shape, dtype="int32" if is_embedding else None) for shape in shapes]
    takes_several = type(layer) in ARGUMENTS
    given = inputs if takes_several else [inputs if len(inputs) > 1 else inputs[0]]
    model = keras.Model(inputs, layer(*given))
    for variable in model.weights:
        if variable.dtype == "float32":
            low = 0.5 if "variance" in variable.name else -0.5
            variable.assign(torch.rand(variable.shape) + low)
    values = [torch.rand((3, *shape), requires_grad=True) for shape in shapes]
    if is_embedding:
        values = [torch.randint(-9, 9, (3, *shape)) for shape in shapes]
    program = compile_program(model, training=training, dtype=torch.float32)
    if not (training and type(layer).__name__ in LEFT_FOR_THEIR_BITS):
        assert program.left_to_keras == ()
    before = [variable.value.detach().clone() for variable in model.variables]

    def by_keras() -> torch.Tensor:
        return model(values if len(values) > 1 else values[0], training=training)

    def lowered() -> torch.Tensor:
        output = program(list(values))[0]
        return torch.softmax(output, -1) if program.ends_in_softmax else output

    results = []
    for run in (by_keras, lowered):
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
        keras.utils.set_random_seed(5)
        output = run()
        weights = [v.value for v in model.trainable_variables]
        towards = torch.cos(torch.arange(output.numel(), dtype=torch.float32)).view(output.shape)
        sources = [*(value for value in values if value.requires_grad), *weights]
        gradients = (
            torch.autograd.grad((output * towards).sum(), sources, allow_unused=True)
            if output.requires_grad
            else ()
        )
        after = [v.value.detach().clone() for v in model.non_trainable_variables]
        results.append([output.detach(), *gradients, *after])
    for expected, found in zip(*results, strict=True):
        assert_close(found, expected)


def assert_close(found: torch.Tensor | None, expected: torch.Tensor | None) -> None:
    if found is None or expected is None:
        assert found is expected
        return
    assert found.shape == expected.shape
    scale = max(1.0, expected.abs().max().item()) if expected.numel() else 1.0
    difference = (found.double() - expected.double()).abs().max().item() if found.numel() else 0.0
    assert difference <= TOLERANCE * scale, f"off by {difference / scale:.1e} of the largest value"
