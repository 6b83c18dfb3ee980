"""clearsight: the same Keras models, accelerated, and the same `fit` and `predict`."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported

import clearsight
from peers.answer import answer
from peers.keras_tasks import keras_tasks

if __name__ == "__main__":
    answer(keras_tasks(clearsight.accelerate), packages=("clearsight", "keras", "torch", "numpy"))
