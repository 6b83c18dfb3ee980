"""Training and prediction of any row of `network_rows.ROWS`, with Keras's own `fit`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras

from peers.answer import Measured
from peers.job import LEARNING_RATE, Job
from peers.keras_network_table import build_keras
from peers.network_rows import ROWS
from peers.turns import take_turns

_QUIET: Any = 0  # Keras annotates `verbose` as str, and documents numbers


def network_turns(job: Job, prepare: Callable[[keras.Model], keras.Model]) -> Iterator[Measured]:
    """Yield the seconds of a first and a second `fit` of one batch, then those of each turn."""
    row = ROWS[job.network]
    model = build_keras(row.name)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    prepare(model)
    images, labels = row.images(job.num_timed_steps)
    size = row.batch_size

    def fit(num_images: int) -> float:
        started = time.perf_counter()
        chosen = slice(num_images)
        model.fit(images[chosen], labels[chosen], batch_size=size, verbose=_QUIET)
        return time.perf_counter() - started

    ready: Measured = {"first_fit_seconds": fit(size), "second_fit_seconds": fit(size)}
    model.predict(images[:size], batch_size=size, verbose=_QUIET)
    yield from take_turns(
        ready,
        {
            "training": lambda: fit(len(images)),
            "prediction": lambda: model.predict(images, batch_size=size, verbose=_QUIET),
        },
    )
