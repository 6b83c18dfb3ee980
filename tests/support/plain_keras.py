"""The same program on a model in plain Keras and accelerated."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import clearsight
from clearsight.models.backend import keras


def assert_as_in_keras(make: Callable[[], Any], program: Callable[[Any], Any]) -> Any:
    """Run a program on a model in plain Keras and accelerated; return its result, if equal."""
    results = []
    for is_accelerated in (False, True):
        keras.utils.set_random_seed(0)
        model = make()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if is_accelerated:
                clearsight.accelerate(model, precision="float32")
            keras.utils.set_random_seed(1)
            results.append(program(model))
    plain, fast = results
    np.testing.assert_equal(fast, plain)
    return plain
