"""Batch normalization with what follows it: its kernel, and networks that have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

import clearsight
from clearsight.engine.kernels.batch_normalization import Activation, normalize_batch
from clearsight.engine.kernels.library import has_kernel
from clearsight.engine.operations import normalization
from clearsight.engine.operations.normalization import BatchNormalization, MovingNormalization
from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras

layers = keras.layers

compiled = pytest.mark.skipif(
    not has_kernel("batch_normalization"), reason="no kernels for this processor"
)

ACTIVATIONS: dict[Activation, Callable[[torch.Tensor], torch.Tensor]] = {
    Activation.LINEAR: lambda values: values,
    Activation.RELU: functional.relu,
    Activation.RELU6: functional.relu6,
    Activation.HARD_SWISH: functional.hardswish,
    Activation.SWISH: functional.silu,
}
EPSILON = 1e-3


# The kernel.


@dataclass(frozen=True)
class Case:
    """A normalization.

    Attributes:
        shape: of the values: (N, C) or (N, C, H, W).
        activation: that follows.
        adds: whether a residual is added.
        scales: whether there is a gamma.
        shifts: whether there is a beta.
        mean: of the values, whose deviation is about 1.
        num_threads: to compute with.
        transposed: whether memory is in torch's usual order, with channels second.
        seed: of the values.
    """

    shape: tuple[int, ...]
    activation: Activation
    adds: bool
    scales: bool
    shifts: bool
    mean: float
    num_threads: int
    transposed: bool
    seed: int


@st.composite
def cases(draw: Any) -> Case:
    channels = draw(st.sampled_from([1, 2, 3, 7, 16, 24, 32, 63, 64, 100, 129, 256]))
    image = draw(st.sampled_from([(), (1, 1), (3, 5), (8, 8), (31, 20)]))
    activation = draw(st.sampled_from(Activation))
    only_output = activation in (Activation.LINEAR, Activation.RELU, Activation.RELU6)
    return Case(
        (draw(st.integers(1, 9)), channels, *image),
        activation,
        draw(st.booleans()) and only_output,
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from([0.0, 0.5, -20.0])),
        draw(st.integers(1, 3)),
        draw(st.booleans()),
        draw(st.integers(0, 9)),
    )


def tensors_of(case: Case) -> list[torch.Tensor | None]:
    """Return values, residual, gamma, beta, and the output's gradient."""
    generator = torch.Generator().manual_seed(case.seed)

    def draw(*shape: int, dtype: Any = torch.bfloat16, mean: float = 0.0) -> torch.Tensor:
        values = (torch.randn(shape, generator=generator) + mean).to(dtype)
        if len(shape) == 4 and not case.transposed:
            values = values.contiguous(memory_format=torch.channels_last)
        return values

    channels = case.shape[1]
    return [
        draw(*case.shape, mean=case.mean).requires_grad_(),
        draw(*case.shape).requires_grad_() if case.adds else None,
        draw(channels, dtype=torch.float32).requires_grad_() if case.scales else None,
        draw(channels, dtype=torch.float32).requires_grad_() if case.shifts else None,
        draw(*case.shape),
    ]


def in_float64(case: Case, values: Any, residual: Any, gamma: Any, beta: Any) -> list[torch.Tensor]:
    """Return output, means and variances, and what went into the activation."""
    axes = [axis for axis in range(len(case.shape)) if axis != 1]
    of_channel = [case.shape[1] if axis == 1 else 1 for axis in range(len(case.shape))]
    mean, variance = values.mean(axes), values.var(axes, unbiased=False)
    before = (values - mean.view(of_channel)) * torch.rsqrt(variance + EPSILON).view(of_channel)
    before = before if gamma is None else before * gamma.view(of_channel)
    before = before if beta is None else before + beta.view(of_channel)
    before = before if residual is None else before + residual
    return [ACTIVATIONS[case.activation](before), mean, variance, before]


@compiled
@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_kernel_agrees_with_torch_in_float64(case: Case) -> None:
    *inputs, towards = tensors_of(case)
    doubles: Any = [None if t is None else t.detach().double().requires_grad_() for t in inputs]
    *expected, before = in_float64(case, *doubles)
    num_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(case.num_threads)
        options: Any = {"epsilon": EPSILON, "activation": case.activation}
        found = normalize_batch(*inputs, **options)  # pyright: ignore
        differentiable = [tensor for tensor in inputs if tensor is not None]
        gradients = torch.autograd.grad(found[0], differentiable, towards)
    finally:
        torch.set_num_threads(num_threads)
    for ours, theirs, digits in zip(found, expected, (8, 20, 20), strict=True):
        assert_near(ours, theirs, 2.0**-digits)
    # At a bend of the activation, rounding decides which slope counts.
    bends = {Activation.RELU: (0,), Activation.RELU6: (0, 6), Activation.HARD_SWISH: (-3, 3)}
    if any((before - at).abs().min() < 0.05 for at in bends.get(case.activation, ())):
        bent = torch.stack([(before - at).abs() for at in bends[case.activation]]).amin(0) < 0.05
        assert towards is not None
        inputs_again = [t.detach().requires_grad_() if t is not None else None for t in inputs]
        towards = torch.where(bent, torch.zeros_like(towards), towards)
        found = normalize_batch(*inputs_again, **options)  # pyright: ignore
        differentiable = [tensor for tensor in inputs_again if tensor is not None]
        gradients = torch.autograd.grad(found[0], differentiable, towards)
    double_inputs = [tensor for tensor in doubles if tensor is not None]
    assert towards is not None
    exact = torch.autograd.grad(expected[0], double_inputs, towards.double())
    # Terms of a gradient nearly cancel where few values are normalized.
    size = max(1.0, float(exact[0].abs().max()))
    for ours, theirs, tensor in zip(gradients, exact, differentiable, strict=True):
        assert ours.dtype is tensor.dtype
        assert_near(ours, theirs, 2.0**-7, at_least=size)


def assert_near(
    found: torch.Tensor, expected: torch.Tensor, tolerance: float, at_least: float = 1.0
) -> None:
    assert found.shape == expected.shape
    error = (found.double() - expected).abs().max() / expected.abs().max().clamp(min=at_least)
    assert error <= tolerance, float(error)


@compiled
@pytest.mark.parametrize("activation", list(Activation))
def test_what_is_no_number_shows(activation: Activation) -> None:
    values = torch.randn((50, 40)).bfloat16()
    values[3, 7] = torch.nan
    weight = torch.ones(40)
    options: Any = {"epsilon": EPSILON, "activation": activation}
    output, mean, variance = normalize_batch(values, None, weight, weight, **options)
    for found in (output, mean, variance):
        assert found.isnan().any(0).nonzero().flatten().tolist() == [7] or found.ndim == 1
    assert output[:, 7].isnan().all()
    assert mean[7].isnan()
    assert variance[7].isnan()


@compiled
def test_a_constant_channel_has_no_variance() -> None:
    values = torch.tensor([3.140625, -200.0, 1e-3]).bfloat16().expand(10_000, 3).contiguous()
    options: Any = {"epsilon": EPSILON, "activation": Activation.LINEAR}
    output, mean, variance = normalize_batch(values, None, None, None, **options)
    assert torch.equal(mean, values[0].float())
    assert variance.abs().max() < 1e-9
    assert output.abs().max() < 1e-4


# The fusions.


def block_of_cifar(v: Any) -> Any:
    for filters in (8, 12):
        v = layers.Conv2D(filters, 3, padding="same")(v)
        v = layers.Activation("relu")(layers.BatchNormalization()(v))
    return layers.MaxPooling2D(2)(v)


def block_of_resnet(v: Any) -> Any:
    shortcut = layers.BatchNormalization()(layers.Conv2D(12, 1)(v))
    v = layers.ReLU()(layers.BatchNormalization(scale=False)(layers.Conv2D(12, 3)(v)))
    v = layers.BatchNormalization()(layers.Conv2D(12, 3, padding="same")(v))
    v = layers.Add()([layers.Cropping2D(1)(shortcut), v])
    return layers.Activation("relu")(v)


def block_before_activation(v: Any) -> Any:
    v = layers.Conv2D(12, 3)(v)
    for _ in range(2):
        inside = layers.Activation("relu")(layers.BatchNormalization()(v))
        inside = layers.Conv2D(12, 3, padding="same", use_bias=False)(inside)
        v = layers.Add()([v, inside])
    return v


def block_of_densenet(v: Any) -> Any:
    v = layers.BatchNormalization()(layers.Conv2D(8, 3)(v))  # has two readers
    inside = layers.Activation("relu")(v)
    inside = layers.Conv2D(4, 3, padding="same", use_bias=False)(inside)
    v = layers.Concatenate()([v, inside])
    return layers.Activation("swish")(layers.BatchNormalization(center=False)(v))


def block_of_mobilenet(v: Any) -> Any:
    start = v = layers.BatchNormalization()(layers.Conv2D(10, 3)(v))
    v = layers.Activation("relu6")(layers.BatchNormalization()(layers.Conv2D(20, 1)(v)))
    v = layers.Activation("hard_swish")(layers.BatchNormalization()(layers.Conv2D(20, 1)(v)))
    v = layers.BatchNormalization()(layers.Conv2D(10, 1)(v))
    return layers.Add()([v, start])


def block_of_dense_layers(v: Any) -> Any:
    v = layers.Dense(33)(layers.Flatten()(v))
    v = layers.Activation("relu")(layers.BatchNormalization(momentum=0.6, epsilon=1e-5)(v))
    return layers.Reshape((1, 1, 33))(v)


BLOCKS = [
    (block_of_cifar, ["RELU", "RELU"], 0),
    (block_of_resnet, ["RELU", "LINEAR", "RELU"], 1),
    (block_before_activation, ["RELU", "RELU"], 0),
    (block_of_densenet, ["LINEAR", "SWISH"], 0),
    (block_of_mobilenet, ["LINEAR", "RELU6", "HARD_SWISH", "LINEAR"], 1),
    (block_of_dense_layers, ["RELU"], 0),
]
by_block = pytest.mark.parametrize(
    ("block", "activations", "num_additions"), BLOCKS, ids=[block.__name__ for block, *_ in BLOCKS]
)
# These two have all fusions between them; the others take longest.
DEFAULT = (block_of_resnet, block_of_mobilenet)
by_trained_block = pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, marks=[] if block in DEFAULT else pytest.mark.slow, id=block.__name__)
        for block, *_ in BLOCKS
    ],
)

X = np.random.default_rng(0).random((64, 10, 10, 3), dtype="float32")
Y = (X[:, 0, 0, 0] * 4).astype("int64")


def network(block: Callable[[Any], Any]) -> Any:
    keras.utils.set_random_seed(7)
    inputs = keras.Input((10, 10, 3))
    values = layers.GlobalAveragePooling2D()(block(inputs))
    model: Any = keras.Model(inputs, layers.Dense(4, "softmax")(values))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@dataclass(frozen=True)
class Trained:
    """What a training of 20 steps gives.

    Attributes:
        losses: of each step.
        statistics: the moving ones at the end.
        evaluation: loss and accuracy at the end.
    """

    losses: list[float]
    statistics: np.ndarray
    evaluation: list[float]


def train(model: Any) -> Trained:
    losses = []
    after_step = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"])  # noqa: ARG005
    )
    arguments: Any = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model.fit(X, Y, epochs=5, callbacks=[after_step], **arguments)
    statistics = [variable.numpy().ravel() for variable in model.non_trainable_variables]
    return Trained(losses, np.concatenate(statistics), model.evaluate(X, Y, verbose=0))


@by_block
def test_normalization_is_fused_where_nothing_else_reads_it(
    block: Any, activations: list[str], num_additions: int
) -> None:
    program = compile_program(network(block), training=True, dtype=torch.bfloat16)
    found = [n.operation for n in program.nodes if isinstance(n.operation, BatchNormalization)]
    assert [operation.activation.name for operation in found] == activations
    assert sum(operation.adds_residual for operation in found) == num_additions
    plain = compile_program(network(block), training=True, dtype=torch.float32)
    unfused = [n.operation for n in plain.nodes if isinstance(n.operation, BatchNormalization)]
    assert not any(operation.activation or operation.adds_residual for operation in unfused)
    assert len(unfused) == len(found)


@by_trained_block
def test_a_network_trains_as_in_keras(block: Any) -> None:
    assert_alike(train(accelerated(block, "bfloat16")), train(network(block)))


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block, *_ in BLOCKS])
def test_a_network_trains_as_in_keras_without_kernels_and_in_float32(
    block: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_keras = train(network(block))
    exact = train(accelerated(block, "float32"))
    assert exact.losses == pytest.approx(in_keras.losses, rel=1e-3)
    monkeypatch.setattr(normalization, "can_normalize", lambda *_: False)
    assert_alike(train(accelerated(block, "bfloat16")), in_keras)


def accelerated(block: Callable[[Any], Any], precision: Any) -> Any:
    return clearsight.accelerate(network(block), precision, "cpu")


def assert_alike(found: Trained, expected: Trained) -> None:
    """Compare trainings that round to eight binary digits and to more, for 20 steps."""
    assert found.losses == pytest.approx(expected.losses, abs=0.03)
    np.testing.assert_allclose(found.statistics, expected.statistics, rtol=0.03, atol=0.03)
    assert found.evaluation[0] == pytest.approx(expected.evaluation[0], abs=0.03)


@compiled
def test_a_frozen_normalization_is_fused_and_trains_what_is_before_it() -> None:
    """Frozen layers use their moving statistics, and pass gradients on."""
    results = []
    for precision in (None, "bfloat16"):
        model = network(block_of_resnet)
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
                mean, variance = layer.non_trainable_variables[-2:]
                mean.assign(0.1 * torch.ones(12))
                variance.assign(0.3 * torch.ones(12))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        if precision is not None:
            program = compile_program(model, training=True, dtype=torch.bfloat16)
            found = [n.operation for n in program.nodes]
            moving = [o for o in found if isinstance(o, MovingNormalization)]
            assert [o.activation.name for o in moving] == ["RELU", "LINEAR", "RELU"]
            model = clearsight.accelerate(model, precision, "cpu")
        results.append(train(model))
    in_keras, ours = results
    assert ours.losses == pytest.approx(in_keras.losses, abs=0.03)
    assert np.array_equal(ours.statistics, in_keras.statistics)


@pytest.mark.parametrize("is_frozen", [False, True], ids=["trained", "frozen"])
@pytest.mark.parametrize("adds", [False, True], ids=["alone", "with a residual"])
def test_what_follows_a_normalization_of_float32_images_is_kept(
    adds: bool, is_frozen: bool
) -> None:
    """What a network is given is float32, in a bfloat16 program too."""
    inputs = keras.Input((4, 4, 3))
    normalized: Any = layers.BatchNormalization()(inputs)
    outputs = layers.ReLU()(layers.Add()([normalized, inputs]) if adds else normalized)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(outputs)))
    model.layers[1].trainable = not is_frozen
    images = torch.from_numpy(X[:8, :4, :4])
    fused, plain = (
        compile_program(model, training=True, dtype=dtype)
        for dtype in (torch.bfloat16, torch.float32)
    )
    assert len(fused.nodes) < len(plain.nodes)
    torch.testing.assert_close(fused([images])[0], plain([images])[0])
