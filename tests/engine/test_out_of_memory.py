"""Memory that runs out: a step is repeated in halves, and nothing is updated twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.engine import steps, training_step
from clearsight.engine.program.program import Program
from clearsight.engine.runtime.memory import is_out_of_memory
from clearsight.engine.step_control import num_parts_of, step_control
from clearsight.models.backend import keras
from support.training_processes import context

_MEGABYTE = 1 << 20


def split_from_now_on(model: keras.Model) -> None:
    control = step_control(model)
    assert control is not None
    control.num_parts = 2


def network(size: int = 8, filters: int = 4) -> keras.Model:
    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((size, size, 1)),
        keras.layers.Conv2D(filters, 3, padding="same", activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, "softmax", kernel_regularizer="l2"),
    ]
    model = keras.Sequential(layers)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_halves_are_the_whole(precision: Any) -> None:
    """Gradients, loss and metrics, also of a batch that cannot be halved evenly."""
    x = np.random.default_rng(0).random((37, 8, 8, 1), "float32")
    y = np.arange(37) % 3
    ends = []
    for num_parts in (1, 2):
        model: Any = clearsight.accelerate(network(), precision=precision)
        if num_parts == 2:
            split_from_now_on(model)
        logs = model.fit(x, y, batch_size=37, epochs=3, shuffle=False, verbose=0).history
        ends.append((logs, [weight.numpy() for weight in model.weights]))
        assert num_parts_of(model) == num_parts
    (whole, weights), (halves, others) = ends
    tolerance = 1e-5 if precision == "float32" else 2e-2  # of adding in another order
    np.testing.assert_allclose(halves["loss"], whole["loss"], rtol=tolerance)
    assert halves["accuracy"] == whole["accuracy"]
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(weight, other, rtol=tolerance, atol=tolerance / 10)


def stateful_network(precision: Any) -> Any:
    """Make a network whose forward pass changes moving statistics and random generators."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.RandomTranslation(0.2, 0.2),
        keras.layers.Conv2D(4, 3),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3),
        keras.layers.SpatialDropout2D(0.3),
        Counting(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.3, seed=5),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that Keras runs a layer
        return clearsight.accelerate(model, precision)


class Counting(keras.layers.Layer):
    """A layer of the user's own, which Keras runs; it counts its calls and averages its inputs."""

    def build(self, _: Any) -> None:
        self.calls = self.add_weight(initializer="zeros", trainable=False, name="calls")
        self.mean = keras.metrics.Mean(name="mean")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.calls.assign_add(1)
            self.mean.update_state(inputs)
            self.finish()
        return inputs

    def finish(self) -> None:
        """Do nothing; here it can fail."""


X, Y = np.random.default_rng(0).random((24, 8, 8, 1), "float32"), np.arange(24) % 3


def everything(model: Any) -> list[np.ndarray]:
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables]


def fails_once(function: Callable[..., Any], *, always: bool = False) -> Callable[..., Any]:
    """Return a function that runs out of memory when it is done: the first time, or always."""
    calls = []

    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        calls.append(result)
        if always or len(calls) == 1:
            raise MemoryError
        return result

    return call


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


precisions = pytest.mark.parametrize("precision", ["float32", "bfloat16"])


@precisions
@pytest.mark.parametrize("fails", ["forward", "backward"])
def test_a_pass_that_fails_leaves_no_trace_in_the_halves_that_follow(
    precision: Any, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, model = stateful_network(precision), stateful_network(precision)
    split_from_now_on(expected)
    torch.manual_seed(1)
    expected.train_on_batch(X, Y)
    next_number = torch.rand(())

    torch.manual_seed(1)
    owner, name = (Counting, "finish") if fails == "forward" else (torch.autograd, "grad")
    monkeypatch.setattr(owner, name, fails_once(getattr(owner, name)))
    with pytest.warns(UserWarning, match="each batch is trained on in two halves"):
        model.train_on_batch(X, Y)
    assert num_parts_of(model) == 2
    assert int(model.optimizer.iterations) == 1
    assert_same(everything(model), everything(expected))
    assert torch.rand(()) == next_number


@precisions
def test_halves_that_fail_too_change_nothing(
    precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = stateful_network(precision)
    model.train_on_batch(X, Y)
    before = [*model.variables, *model.optimizer.variables]
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in before]
    monkeypatch.setattr(torch.autograd, "grad", fails_once(torch.autograd.grad, always=True))
    with pytest.raises(MemoryError), pytest.warns(UserWarning, match="in two halves"):
        model.train_on_batch(X, Y)
    assert_same(everything(model)[: len(before)], before)


@precisions
@pytest.mark.parametrize("fails", ["metrics", "optimizer"])
def test_what_fails_once_the_weights_have_moved_is_not_repeated(
    precision: Any, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, model = network(), network()
    for each in (expected, model):
        clearsight.accelerate(each, precision)
    expected.train_on_batch(X, Y)
    owner: Any = training_step.Update if precision == "bfloat16" else model.optimizer
    name = "__call__" if precision == "bfloat16" else "apply"
    if fails == "metrics":
        owner, name = steps, "track_loss"
    monkeypatch.setattr(owner, name, fails_once(getattr(owner, name)))
    with pytest.raises(MemoryError):
        model.train_on_batch(X, Y)
    assert num_parts_of(model) == 1
    assert int(model.optimizer.iterations.numpy()) == 1
    assert_same([w.numpy() for w in model.weights], [w.numpy() for w in expected.weights])


def _peak(num_images: int) -> int:
    """Train one step on so many images; return by how many bytes that moved the peak."""
    import resource

    x, y = np.zeros((num_images, 64, 64, 1), "float32"), np.zeros(num_images, "int64")
    model: Any = clearsight.accelerate(network(64, 32), precision="float32")
    model.train_on_batch(x[:2], y[:2])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.train_on_batch(x, y)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def _limited(answer: Connection, num_images: int, share: float) -> None:
    """Train with as much more address space as a share of what a step takes."""
    import resource

    needed = _peak(num_images)
    model: Any = clearsight.accelerate(network(64, 32), precision="float32")
    x, y = np.zeros((num_images, 64, 64, 1), "float32"), np.zeros(num_images, "int64")
    model.train_on_batch(x[:2], y[:2])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + int(share * needed)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.train_on_batch(x, y)
        except Exception as error:
            answer.send((is_out_of_memory(error), num_parts_of(model), str(error)))
            return
    said = [str(warning.message) for warning in caught]
    answer.send((num_parts_of(model), said, int(model.optimizer.iterations.numpy())))


def outcome(share: float) -> tuple[Any, ...]:
    receiver, sender = context().Pipe(duplex=False)
    process = context().Process(target=_limited, args=(sender, 192, share))
    process.start()
    assert receiver.poll(120)
    found = receiver.recv()
    process.join()
    return found


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits memory as Linux does")
def test_a_batch_that_does_not_fit_goes_through_in_halves_once() -> None:
    num_parts, said, steps = outcome(0.75)
    assert num_parts == 2
    assert steps == 2
    assert any("each batch is trained on in two halves" in text for text in said)
    is_explained, num_parts, printed = outcome(0.1)
    assert is_explained, printed
    assert num_parts == 2


def test_an_evaluation_out_of_memory_takes_half_of_the_batch_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    clearsight.accelerate(model, precision="float32")
    expected = model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0)
    run, sizes = Program.__call__, []

    def fails_on_many(program: Program, inputs: Any) -> Any:
        sizes.append(len(inputs[0]))
        if len(inputs[0]) > 8:
            raise MemoryError
        return run(program, inputs)

    monkeypatch.setattr(Program, "__call__", fails_on_many)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected[0], atol=1e-6)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), expected[1], atol=1e-6)
    assert sizes == 2 * [24, 12, 6, 6, 12, 6, 6]
