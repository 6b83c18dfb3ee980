"""The name of a network that is given as a Python object."""

import functools
import sys
from pathlib import Path
from typing import Any

_OF_FUNCTION, _OF_MODEL = "{}()", "{} (Keras model)"


def model_name(model: Any) -> str:
    """Return what to call a network in messages and file names.

    Args:
        model: a text; a `keras.Model`; or a callable, of which a lambda is called "lambda".
    """
    if isinstance(model, str):
        return model
    if isinstance(model, functools.partial):
        return model_name(model.func)
    if is_keras_model(model):
        return str(model.name)
    return str(getattr(model, "__name__", type(model).__name__)).strip("<>")


def recorded_model(model: Any) -> str:
    """Return what a run's record calls a network: no text that would build another one.

    The names of files are absolute; objects are called "NAME()" and "NAME (Keras model)".

    Example:
        >>> def lesson(): ...
        >>> recorded_model("lesson"), recorded_model(lesson)
        ('lesson', 'lesson()')
    """
    if not isinstance(model, str):
        form = _OF_MODEL if is_keras_model(model) else _OF_FUNCTION
        return form.format(model_name(model))
    path, separator, function = model.rpartition(":")
    if separator and path.endswith(".py"):
        return f"{Path(path).resolve()}:{function}"
    return str(Path(model).resolve()) if model.endswith(".keras") else model


def is_recorded_function(model: str | None) -> bool:
    """Return whether a record's network was built by a Python function."""
    return model is not None and model.endswith(_OF_FUNCTION.format(""))


def is_keras_model(model: Any) -> bool:
    """Return whether an object is a `keras.Model`, without loading Keras."""
    keras = sys.modules.get("keras")  # a model can only exist once Keras is loaded
    return keras is not None and isinstance(model, keras.Model)
