"""Plain Keras on its torch backend."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported

from peers.answer import answer
from peers.keras_tasks import keras_tasks

if __name__ == "__main__":
    answer(keras_tasks(), packages=("keras", "torch", "numpy"))
