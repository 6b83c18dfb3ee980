"""Memory that a step has freed serves the next one, blocks of any size."""

from __future__ import annotations

import platform
import resource
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.models.backend import keras

layers = keras.layers
PAGE_BYTES = resource.getpagesize()
BLOCK_BYTES = 48 * 2**20  # above glibc's largest threshold, 32 MiB


def page_faults(model: Any, images: np.ndarray) -> int:
    """Return the fewest page faults of five calls of `predict`.

    A call has more if its blocks come to lie where none has been so far.
    """
    counts = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt]
    for _ in range(5):
        model.predict(images, batch_size=len(images), verbose=0)
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    return min(after - before for before, after in pairwise(counts))


@pytest.mark.slow  # what else a process has done decides where its blocks lie
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc is what is tuned")
def test_large_blocks_are_reused_within_a_loop() -> None:
    pixels = 128
    filters = BLOCK_BYTES // (4 * 4 * pixels**2)
    stack = [layers.Conv2D(filters, 1), layers.Activation("tanh"), layers.GlobalMaxPooling2D()]
    model = keras.Sequential([keras.Input((pixels, pixels, 1)), *stack, layers.Dense(2)])
    clearsight.accelerate(model, precision="float32")
    images = np.zeros((4, pixels, pixels, 1), "float32")
    assert page_faults(model, images) < BLOCK_BYTES / PAGE_BYTES / 4
