"""Cross-entropy on logits against Keras's own loss of the softmax, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from clearsight.engine.loss import loss_on_logits
from clearsight.models.backend import keras

pytestmark = pytest.mark.usefixtures("in_float64")

losses = keras.losses
CASES: dict[str, Any] = {
    "sparse": losses.SparseCategoricalCrossentropy,
    "categorical": losses.CategoricalCrossentropy,
    "smoothed": lambda **options: losses.CategoricalCrossentropy(label_smoothing=0.2, **options),
}


@pytest.mark.parametrize("has_weights", [False, True])
@pytest.mark.parametrize("ends_in_softmax", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradient_are_kerass(name: str, ends_in_softmax: bool, has_weights: bool) -> None:
    generator = np.random.default_rng(0)
    logits = torch.tensor(generator.normal(0, 3, (20, 7)), requires_grad=True)
    classes = generator.integers(0, 7, 20)
    targets = torch.tensor(classes if name == "sparse" else np.eye(7)[classes])
    weights = torch.tensor(generator.random(20)) if has_weights else None
    model = keras.Sequential([keras.Input((7,)), keras.layers.Activation("softmax")])
    by_keras = CASES[name](from_logits=not ends_in_softmax)
    model.compile("sgd", by_keras)
    model.fit(logits.detach().numpy(), targets.numpy(), verbose=0)  # builds the loss
    fused = loss_on_logits(model, ends_in_softmax=ends_in_softmax)
    assert fused is not None
    outputs = torch.softmax(logits, -1) if ends_in_softmax else logits
    expected = by_keras(targets, outputs, sample_weight=weights)
    found = fused(logits, targets, weights)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        torch.autograd.grad(found, logits)[0],
        torch.autograd.grad(expected, logits)[0],
        rtol=1e-9,
        atol=1e-9,
    )
