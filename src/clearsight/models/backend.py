"""Keras on the torch backend: the one place where Keras is imported.

Every other file says ``from clearsight.models.backend import keras``. The choice is made through
the environment of this process, so the user's ``keras.json`` is neither obeyed nor changed.
"""

from __future__ import annotations

import os
import sys

from clearsight.errors import BackendError

BACKEND = "torch"

if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = BACKEND

import keras  # noqa: E402 - after the backend is chosen

if keras.config.backend() != BACKEND:
    raise BackendError(
        f"Keras should run on the torch backend, but was already loaded on "
        f"'{keras.config.backend()}': import clearsight's parts before keras, or set the "
        "environment variable KERAS_BACKEND=torch."
    )

# Keras does not export these, and the engine builds on them: the class that keras.Model makes of a
# graph, and how arrays in memory are split and become batches.
from keras.src.models.functional import Functional  # noqa: E402
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter  # noqa: E402
from keras.src.trainers.data_adapters.array_slicing import train_validation_split  # noqa: E402

__all__ = ["BACKEND", "ArrayDataAdapter", "Functional", "keras", "train_validation_split"]
