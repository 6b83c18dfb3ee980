"""The recipes, and the training loop that they share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.data.splits.splits import Splits
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.zoo.residual import ResidualOptions
from clearsight.training.fit import compile_model, encode_targets
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import RECIPES, find_recipe
from clearsight.training.schedule import LearningRateSchedule, learning_rate_factor


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name != "lesson" else []) for name in RECIPES],
)
def test_every_recipe_trains_a_network_and_its_file_opens_in_plain_keras(
    name: str, small_fashion: Splits, tmp_path: Path
) -> None:
    data = Splits(small_fashion.train.first(600), small_fashion.test.first(50))  # pyright: ignore
    run = clearsight.train(
        data, recipe=name, epochs=2, out=tmp_path / "run", report=False, bundle=False, verbose=False
    )
    assert run.record.request.recipe.name == name
    assert run.record.request.model == RECIPES[name].model
    assert run.results.train_accuracy > 0.3
    path = str(run.folder.model_path)
    program = f"import keras; m = keras.saving.load_model({path!r}); print(m.count_params())"
    environment = {"KERAS_BACKEND": "torch", "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.stdout.strip() == str(run.record.num_parameters), done.stderr


def test_arrays_without_a_recipe_of_their_own_get_the_strong_one(
    small_fashion: Splits, tmp_path: Path
) -> None:
    data = Splits(small_fashion.train.first(300), small_fashion.test.first(20))  # pyright: ignore
    run = clearsight.train(
        data,
        epochs=1,
        recipe_arguments={"shift_at_test": 0},
        out=tmp_path / "run",
        report=False,
        bundle=False,
        verbose=False,
    )
    assert (run.record.request.recipe.name, run.record.request.model) == ("strong", "residual")
    mean = run.predict(data.test.images).probabilities  # pyright: ignore
    mirrored = run.predict(data.test.images[:, :, ::-1]).probabilities  # pyright: ignore
    np.testing.assert_allclose(mean, mirrored, atol=1e-6)  # each is the mean over both


def test_the_learning_rate_rises_and_falls_in_straight_lines() -> None:
    recipe = find_recipe("strong").replace(epochs=4)
    factors = [learning_rate_factor(recipe, step, 400) for step in range(400)]
    top = int(np.argmax(factors))
    assert 55 <= top <= 65
    assert factors[0] == pytest.approx(0.2, abs=0.01)
    assert factors[-1] == pytest.approx(0.0, abs=0.01)
    np.testing.assert_allclose(np.diff(factors[: top - 1], 2), 0, atol=1e-9)
    np.testing.assert_allclose(np.diff(factors[top + 1 :], 2), 0, atol=1e-9)


def test_a_resumed_schedule_continues_where_it_was() -> None:
    recipe = find_recipe("fast").replace(epochs=2)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.zeros((10, 2), "float32"), np.zeros((10, 1), "float32")

    class Reader(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.rates: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            del batch, logs
            rate: Any = self.model.optimizer.learning_rate  # pyright: ignore
            self.rates.append(float(rate.value))

    def rates(epochs: int, first: int) -> list[float]:
        reader = Reader()
        schedule = LearningRateSchedule(recipe, 5, first_epoch=first)
        model.fit(x, y, batch_size=2, epochs=epochs, callbacks=[schedule, reader], verbose=0)  # pyright: ignore
        return reader.rates

    assert rates(2, 0)[5:] == rates(1, 1)


def test_smoothed_labels_are_one_hot_and_their_loss_is_kerass() -> None:
    labels = np.array([1, 0, 2])
    smoothed = Recipe(name="x", summary="", label_smoothing=0.3)
    assert encode_targets(labels, 3, Recipe(name="x", summary="")) is labels
    np.testing.assert_array_equal(encode_targets(labels, 3, smoothed), np.eye(3)[labels])
    model = build_model(ModelRequest("lesson", {"num_classes": 3}))
    compile_model(model, smoothed)
    assert model.loss.get_config()["label_smoothing"] == 0.3  # pyright: ignore


def test_muon_takes_every_kernel_but_the_last_layers() -> None:
    model = build_model(ModelRequest("lesson"))
    compile_model(model, find_recipe("fast"))
    optimizer: Any = model.optimizer
    taken = [v.path for v in model.trainable_variables if not optimizer._should_use_adamw(v)]
    assert [path.removeprefix("lesson/") for path in taken] == [
        "conv2d/kernel",
        "conv2d_1/kernel",
        "dense/kernel",
    ]


@pytest.mark.parametrize(
    ("shape", "filters"),
    [
        ((28, 28, 1), (32, 64, 128)),
        ((32, 32, 3), (32, 64, 128)),
        ((8, 8, 1), (128,)),
        ((96, 96, 3), (32, 32, 32, 64, 128)),
        ((1, 1, 3), (128,)),
    ],
)
def test_the_residual_network_fits_itself_to_the_images(
    shape: tuple[int, int, int], filters: tuple[int, ...]
) -> None:
    assert ResidualOptions(input_shape=shape).filters == filters
    model = build_model(ModelRequest("residual", {}, shape, 7))
    assert model.output_shape == (None, 7)
    x = np.random.default_rng(0).random((2, *shape), dtype="float32")
    np.testing.assert_allclose(np.asarray(model.predict(x, verbose=0)).sum(axis=1), 1, rtol=1e-5)  # pyright: ignore
