"""Memory that runs out: a step goes through in halves, and gives what the whole would give."""

from __future__ import annotations

import multiprocessing
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.engine.keras_hooks import num_parts_of
from clearsight.engine.runtime.memory import is_out_of_memory
from clearsight.models.backend import keras

_MEGABYTE = 1 << 20


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
        model.train_step.__self__.num_parts = num_parts
        logs = model.fit(x, y, batch_size=37, epochs=3, shuffle=False, verbose=0).history
        ends.append((logs, [weight.numpy() for weight in model.weights]))
        assert num_parts_of(model) == num_parts
    (whole, weights), (halves, others) = ends
    tolerance = 1e-5 if precision == "float32" else 2e-2  # of adding in another order
    np.testing.assert_allclose(halves["loss"], whole["loss"], rtol=tolerance)
    assert halves["accuracy"] == whole["accuracy"]
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(weight, other, rtol=tolerance, atol=tolerance / 10)


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
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_limited, args=(sender, 192, share))
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
    assert any("each batch goes through in two halves" in text for text in said)
    is_told, num_parts, said = outcome(0.1)
    assert is_told, said
    assert num_parts == 2
