"""A user's ``keras.json`` may ask for other defaults than Keras's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import clearsight

# As a user writes it, who has not read that file for years.
PROGRAM = """
import json, sys
import clearsight
import keras
import numpy as np

assert keras.config.floatx() == FLOATX, keras.config.floatx()
assert keras.config.image_data_format() == ORDER
traced = clearsight.trace("lesson")
run = clearsight.train("digits", epochs=1, precision="float32", out=sys.argv[1], report=False,
                       verbose=False)
(x, y), _ = clearsight.load_data("digits")
x = x[:320].astype("float32") / 255
if ORDER == "channels_first":
    try:
        own = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, padding="same"),
                                keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        own.compile(loss="sparse_categorical_crossentropy")
        clearsight.check_fit(own, x, y[:320])
    except clearsight.FitError as error:
        assert "image_data_format" in str(error), error
    else:
        raise AssertionError("the order of the axes went unnoticed")
    x = np.moveaxis(x, -1, 1)


def losses(is_fast):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input(x.shape[1:]), keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    if is_fast:
        clearsight.accelerate(model, "auto" if FLOATX == "float64" else "float32")
    return model.fit(x, y[:320], epochs=2, verbose=0).history["loss"]


assert keras.config.floatx() == FLOATX
assert keras.config.image_data_format() == ORDER
print(json.dumps({
    "parameters": traced.num_parameters,
    "lesson": run.history["loss"] + run.history["val_accuracy"],
    "dtypes": sorted({str(each.dtype) for each in run.model.weights}),
    "keras": losses(False), "accelerated": losses(True),
}))
"""


def run_at(home: Path, out: Path, floatx: str, order: str) -> dict[str, list[float]]:
    home.mkdir()
    settings = {"floatx": floatx, "image_data_format": order, "backend": "tensorflow"}
    (home / "keras.json").write_text(json.dumps({**settings, "epsilon": 1e-7}))
    names = f"FLOATX, ORDER = {floatx!r}, {order!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", names + PROGRAM, out],
        capture_output=True,
        text=True,
        env={**{k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"},
             "KERAS_HOME": str(home)},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def as_usual(tmp_path_factory: pytest.TempPathFactory) -> clearsight.Run:
    out = tmp_path_factory.mktemp("usual") / "run"
    return clearsight.train(
        "digits", epochs=1, precision="float32", out=out, report=False, verbose=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("floatx", "order"),
    [("float64", "channels_first"), ("float32", "channels_first"), ("float64", "channels_last")],
)
def test_everything_works_whatever_keras_json_says(
    floatx: str, order: str, tmp_path: Path, as_usual: clearsight.Run
) -> None:
    found = run_at(tmp_path / "home", tmp_path / "run", floatx, order)
    assert found["parameters"] == 421_642
    assert found["dtypes"] == ["float32"]
    usual = as_usual.history["loss"] + as_usual.history["val_accuracy"]
    assert found["lesson"] == pytest.approx(usual, rel=1e-5)
    tolerance = 1e-9 if floatx == "float64" else 0
    assert found["accelerated"] == pytest.approx(found["keras"], rel=tolerance, abs=0)


@pytest.mark.slow
def test_the_command_line_is_the_same_on_every_machine(
    tmp_path: Path, as_usual: clearsight.Run
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = {"floatx": "float64", "image_data_format": "channels_first"}
    (home / "keras.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [Path(sys.executable).with_name("clearsight"), "train", "digits", "--epochs", "1",
         "--precision", "float32", "--out", tmp_path / "run", "--no-report"],
        capture_output=True, text=True, env={**os.environ, "KERAS_HOME": str(home)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert clearsight.Run.load(tmp_path / "run").history["loss"] == as_usual.history["loss"]
