"""Images with known evidence: a coloured square in one corner is the class, the rest is noise."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from clearsight.engine.accelerate import accelerate_with_notes
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

SIDE = 16
CORNER = np.s_[:, 1:7, 9:15]  # where the square is in each image
OTHER = np.s_[:, 9:15, 1:7]  # where an irrelevant square is
COLOURS = np.array([[230, 40, 40], [40, 230, 40], [40, 40, 230]])


def planted_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, 16, 16, 3) and labels int64 (N,).

    A square of a random colour is in the opposite corner too, so only the position matters.
    """
    random = np.random.default_rng(seed)
    labels, other = random.integers(3, size=count), random.integers(3, size=count)
    images = random.integers(90, 166, size=(count, SIDE, SIDE, 3))
    images[CORNER] = COLOURS[labels][:, None, None]
    images[OTHER] = COLOURS[other][:, None, None]
    return images.astype(np.uint8), labels


@cache
def planted_network(family: str = "lesson") -> Any:
    """Train a network of the zoo on these images."""
    images, labels = planted_images(320, seed=0)
    keras.utils.set_random_seed(0)
    options = {"filters": (8, 16), "dense_units": 16} if family == "lesson" else {"width": 16}
    model = build_model(ModelRequest(family, options, (SIDE, SIDE, 3), 3))
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    accelerate_with_notes(model, "float32")
    model.fit(prepared(images), labels, batch_size=32, epochs=5, verbose=0)
    return model


def prepared(images: np.ndarray) -> np.ndarray:
    return images / np.float32(255)


def predictor(model: Any) -> Any:
    return lambda images: np.asarray(model.predict(prepared(images), batch_size=256, verbose=0))
