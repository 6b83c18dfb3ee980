"""Keras on the torch backend: the one place where Keras is imported.

Every other file uses ``from clearsight.models.backend import keras``; users ``import keras``.
`clearsight` itself chooses the backend when it is imported, through the environment of this
process, so the user's ``keras.json`` is neither read for it nor changed.
"""

import os
import sys

from clearsight.errors import BackendError

_BACKEND = "torch"
_asked_for = os.environ.get("KERAS_BACKEND")
if "keras" not in sys.modules and _asked_for != _BACKEND:
    raise BackendError(
        f"Keras should run on the torch backend, but the environment variable KERAS_BACKEND asks "
        f"for '{_asked_for}': unset it, or set KERAS_BACKEND=torch."
    )

import keras  # noqa: E402 - after the backend is checked

if keras.config.backend() != _BACKEND:
    raise BackendError(
        f"Keras should run on the torch backend, but was already loaded on "
        f"'{keras.config.backend()}': restart Python and import clearsight before keras, or set "
        "the environment variable KERAS_BACKEND=torch."
    )

__all__ = ["keras"]
