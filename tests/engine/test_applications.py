"""Networks of keras.applications, lowered whole: outputs and gradients as Keras's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

applications: Any = keras.applications
NAMES = ["MobileNetV2", "EfficientNetB0"]
SLOW_NAMES = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("DenseNet121", "ResNet50", "ConvNeXtTiny")
]
TOLERANCE = 1e-4  # each layer rounds at 1e-7, and up to 430 follow one another


@pytest.mark.parametrize("name", [*NAMES, *SLOW_NAMES])
def test_an_application_lowers_whole_and_computes_what_keras_computes(name: str) -> None:
    keras.utils.set_random_seed(0)
    model = getattr(applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    for variable in model.weights:
        if variable.name in ("moving_mean", "beta", "bias"):
            variable.assign(0.1 * torch.randn(variable.shape))
        elif variable.name in ("moving_variance", "gamma"):
            variable.assign(0.8 + 0.4 * torch.rand(variable.shape))
    images = 255 * torch.rand(8, 64, 64, 3)
    weights = [variable.value for variable in model.trainable_variables]
    towards = torch.arange(10.0)

    def results(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gradients = torch.autograd.grad((output * towards).sum(), weights)
        return output.detach(), torch.cat([gradient.flatten() for gradient in gradients])

    # With moving statistics; those of a batch of 2x2 maps amplify every rounding.
    program = compile_program(model, training=False, dtype=torch.float32)
    assert program.left_to_keras == ()
    differences = []
    for image in images.split(1):
        expected, expected_gradient = results(model(image, training=False))
        found, gradient = results(torch.softmax(program([image])[0], -1))
        torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
        off = torch.linalg.vector_norm(gradient - expected_gradient)
        differences.append(float(off / torch.linalg.vector_norm(expected_gradient)))
    # Rounding takes a value of a few images to the other side of a ReLU's kink, and the
    # gradient jumps; which images depends on the processor.
    assert sorted(differences)[5] <= TOLERANCE, differences
    assert max(differences) <= 0.02, differences

    training = compile_program(model, training=True, dtype=torch.float32)
    assert training.left_to_keras == ()
    before = [variable.numpy() for variable in model.non_trainable_variables]
    outputs = []
    for run in (lambda: model(images, training=True), lambda: training([images])[0]):
        for variable, value in zip(model.non_trainable_variables, before, strict=True):
            variable.assign(value)  # moving statistics and the state of random generators
        keras.utils.set_random_seed(1)
        outputs.append(run().detach())
    torch.testing.assert_close(torch.softmax(outputs[1], -1), outputs[0], rtol=1e-3, atol=TOLERANCE)
