"""The tasks done with Keras's own `fit` and `predict`, the same for every backend.

No seed is set: `keras.utils.set_random_seed` makes TensorFlow's `fit` repeat one batch order in
every epoch, which is another job.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import keras

from peers.answer import Measured, Task, peak_memory_bytes
from peers.job import (
    VALIDATION_SHARE,
    Job,
    coloured_noise,
    test_images,
    training_images,
)
from peers.keras_network_turns import network_turns
from peers.keras_networks import reference_network, residual_network

# Makes a compiled model ready before its first call; plain Keras leaves it as it is.
Prepare = Callable[[keras.Model], keras.Model]
QUIET: Any = 0  # Keras annotates `verbose` as str, and documents numbers


def keras_tasks(prepare: Prepare = lambda model: model) -> dict[str, Task]:
    """Return the tasks by name, for models that go through `prepare` before their first call.

    In the reference job, which is timed from its first step, `prepare` is timed too.
    """
    return {
        "reference": partial(_fit_reference, prepare=prepare),
        "predict": partial(_predict, prepare=prepare),
        "resnet": partial(_train_residual, prepare=prepare),
        "network": partial(network_turns, prepare=prepare),
    }


def _fit_reference(job: Job, prepare: Prepare) -> Measured:
    images, labels = training_images(job)
    model = reference_network()
    moments: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_begin=lambda *_: moments.append(time.perf_counter()),
        on_epoch_end=lambda *_: moments.append(time.perf_counter()),
    )
    started = time.perf_counter()
    prepare(model).fit(
        images,
        labels,
        batch_size=job.batch_size,
        epochs=job.num_epochs,
        validation_split=VALIDATION_SHARE,
        verbose=QUIET,
        callbacks=[clock],
    )
    fit_seconds = time.perf_counter() - started
    peak_bytes = peak_memory_bytes()
    test = model.evaluate(*test_images(job), verbose=QUIET, return_dict=True)
    return {
        "fit_seconds": fit_seconds,
        "epoch_seconds": [later - earlier for earlier, later in pairwise(moments)],
        "peak_memory_bytes": peak_bytes,
        "test_accuracy": float(test["accuracy"]),
    }


def _predict(job: Job, prepare: Prepare) -> Measured:
    images, _ = test_images(job)
    model = prepare(reference_network())
    seconds = []
    for _ in range(2 + job.num_predict_calls):
        started = time.perf_counter()
        model.predict(images, verbose=QUIET)
        seconds.append(time.perf_counter() - started)
    return {"call_seconds": seconds[2:]}


def _train_residual(job: Job, prepare: Prepare) -> Measured:
    model = prepare(residual_network())
    model.fit(*coloured_noise(job, job.num_warm_steps), batch_size=job.batch_size, verbose=QUIET)
    images, labels = coloured_noise(job, job.num_timed_steps)
    started = time.perf_counter()
    model.fit(images, labels, batch_size=job.batch_size, verbose=QUIET)
    seconds = time.perf_counter() - started
    return {"step_seconds": seconds / job.num_timed_steps, "peak_memory_bytes": peak_memory_bytes()}
