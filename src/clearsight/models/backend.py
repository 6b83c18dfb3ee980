"""Keras on the torch backend: the one place where Keras is imported.

Every other file uses ``from clearsight.models.backend import keras``. The choice is made through
the environment of this process, so the user's ``keras.json`` is neither read nor changed.
"""

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

__all__ = ["BACKEND", "keras"]
