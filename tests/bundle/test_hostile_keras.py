"""A Keras bundle from a stranger: its network takes what a classifier of images does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.errors import BundleError
from clearsight.models.backend import keras
from clearsight.run.export.bundle import export_run
from support.limited_memory import limited_memory
from support.tampering import update_hashes

layers = keras.layers
TOO_MUCH = "more than a classifier of|what its layer TimeDistributed takes is not known"


@pytest.fixture(scope="module")
def good(small_run: clearsight.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_run(small_run, tmp_path_factory.mktemp("k") / "bundle", model_format="keras")[0]


def enlarged(images: Any) -> Any:
    return layers.GlobalAveragePooling2D()(layers.UpSampling2D(20_000)(images))


def padded(images: Any) -> Any:
    return layers.GlobalAveragePooling2D()(layers.ZeroPadding2D(100_000)(images))


def repeated(images: Any) -> Any:
    values = layers.RepeatVector(10**8)(layers.Flatten()(images))
    return layers.GlobalAveragePooling1D()(values)


def within_another(images: Any) -> Any:
    given = keras.Input((28, 28, 1))
    return keras.Model(given, enlarged(given))(images)


def outer_product(images: Any) -> Any:
    column = layers.Reshape((50_176, 1))(layers.UpSampling2D(8)(images))
    values = layers.Dot(axes=2)([column, column])
    return layers.GlobalAveragePooling1D()(values)


def deep(images: Any) -> Any:
    values = layers.Conv2D(64, 1)(layers.UpSampling2D(16)(images))
    layer = layers.Conv2D(64, 3, padding="same")
    for _ in range(30):  # of the same weights
        values = layer(values)
    return layers.GlobalAveragePooling2D()(values)


def attention(images: Any) -> Any:
    values = layers.Reshape((50_176, 1))(layers.UpSampling2D(8)(images))
    return layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(1, 1)(values, values))


def recurrent(images: Any) -> Any:
    return layers.LSTM(1)(layers.Reshape((200_704, 1))(layers.UpSampling2D(16)(images)))


def in_each_row(images: Any) -> Any:
    row = keras.Input((28, 1))
    large = layers.Conv1D(512, 9)(layers.UpSampling1D(4_000)(row))
    network = keras.Model(row, layers.GlobalAveragePooling1D()(large))
    return layers.GlobalAveragePooling1D()(layers.TimeDistributed(network)(images))


@pytest.mark.parametrize(
    "part",
    [enlarged, padded, repeated, within_another, outer_product, deep, attention, recurrent,
     in_each_row],
)  # fmt: skip
def test_a_network_that_takes_too_much_is_not_opened(
    good: Path, tmp_path: Path, part: Callable[[Any], Any]
) -> None:
    bundle = Path(shutil.copytree(good, tmp_path / "bundle"))
    images = keras.Input((28, 28, 1))
    model = keras.Model(images, layers.Dense(10, activation="softmax")(part(images)))
    model.save(bundle / "model.keras")
    update_hashes(bundle)
    with limited_memory(2**31), pytest.raises(BundleError, match=TOO_MUCH):
        clearsight.load(bundle)


def test_a_good_one_predicts_any_number(good: Path) -> None:
    bundle = clearsight.load(good)
    for count in (1, 300):
        images = np.zeros((count, 28, 28, 1), np.uint8)
        assert bundle.probabilities(images).shape == (count, 10)
