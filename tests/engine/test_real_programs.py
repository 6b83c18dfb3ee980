"""Programs in the manner of Keras's guides train in float64 as plain Keras trains them."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.models.backend import keras

PROGRAMS = sorted(
    path for path in Path(__file__).parent.glob("real_programs/*.py") if path.stem != "__init__"
)


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_gives_what_it_gives_in_plain_keras(path: Path) -> None:
    program, results = load(path), []
    for is_accelerated in (False, True):
        keras.backend.clear_session()  # so that layers have the same names
        keras.utils.set_random_seed(0)
        model = program.make()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if is_accelerated:
                clearsight.accelerate(model, precision="float64")
            keras.utils.set_random_seed(1)
            results.append(keras.tree.flatten_with_path(program.train(model)))
    plain, fast = results
    assert [path for path, _ in fast] == [path for path, _ in plain]
    for (name, expected), (_, found) in zip(plain, fast, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=str(name))
