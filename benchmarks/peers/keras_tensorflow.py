"""Plain Keras on TensorFlow."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"  # before Keras is imported
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # errors only, so that the last line says what failed

from peers.answer import answer
from peers.keras_tasks import keras_tasks

if __name__ == "__main__":
    answer(keras_tasks(), packages=("keras", "tensorflow-cpu", "numpy"))
