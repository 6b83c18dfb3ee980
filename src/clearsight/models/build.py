"""From what the user names to a built Keras model: a zoo name, a .keras file, FILE.py:FUNCTION."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clearsight.errors import ModelError
from clearsight.models.backend import keras
from clearsight.models.build_failure import explained
from clearsight.models.zoo import FAMILIES, Family


@dataclass(frozen=True)
class ModelRequest:
    """Which network is wanted.

    Attributes:
        model: a name of the zoo, "FILE.keras", or "FILE.py:FUNCTION".
        arguments: options for the family or keyword arguments for the function; text is
            understood as JSON where it is JSON.
        input_shape: height, width, channels; None takes the network's own default.
        num_classes: how many classes; None takes the network's own default.
    """

    model: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    input_shape: tuple[int, int, int] | None = None
    num_classes: int | None = None

    @property
    def shape_arguments(self) -> dict[str, Any]:
        """The arguments that come from the data."""
        wanted = {"input_shape": self.input_shape, "num_classes": self.num_classes}
        return {name: value for name, value in wanted.items() if value is not None}


def build_model(request: ModelRequest) -> keras.Model:
    """Build or load the network that `request` names.

    Returns:
        A built Sequential or Functional model.

    Raises:
        ModelError: when it cannot be found, its options are wrong, or it cannot be built: then the
            message names the layer, what came in and what it needs.
    """
    name = request.model
    if name in FAMILIES:
        return _build_family(FAMILIES[name], request)
    if name.endswith(".keras"):
        return _load_keras_file(Path(name), request)
    path, separator, function = name.rpartition(":")
    if separator and path.endswith(".py"):
        return _call_function(Path(path), function, request)
    near = difflib.get_close_matches(name, FAMILIES, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise ModelError(
        f"The model should be {' or '.join(FAMILIES)}, FILE.keras or FILE.py:FUNCTION, but "
        f"'{name}' was given.{hint}"
    )


def parse_argument(text: str) -> tuple[str, Any]:
    """Understand one ``KEY=VALUE`` of the command line; the value as JSON where it is JSON.

    Raises:
        ModelError: when there is no "=".

    Example:
        >>> parse_argument("num_blocks=3"), parse_argument("padding=valid,same")
        (('num_blocks', 3), ('padding', 'valid,same'))
    """
    key, separator, value = text.partition("=")
    if not (separator and key):
        raise ModelError(f"A model argument should look like KEY=VALUE, but is '{text}'.")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _build_family(family: Family, request: ModelRequest) -> keras.Model:
    try:
        options = family.options(**{**request.shape_arguments, **request.arguments})
    except ValidationError as error:
        known = ", ".join(family.options.model_fields)
        raise ModelError(
            f"The options of '{family.name}' are not valid: {_sentences(error)}. "
            f"Its options are {known}."
        ) from error
    return _built(lambda: family.build(options), family.name)


def _sentences(error: ValidationError) -> str:
    problems = []
    for problem in error.errors():
        where = str(problem["loc"][0]) if problem["loc"] else ""
        said = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            problems.append(f"there is no option '{where}'")
        elif where:
            problems.append(f"{where} = {problem['input']!r}: {said[0].lower()}{said[1:]}")
        else:
            problems.append(said)
    return "; ".join(problems)


def _load_keras_file(path: Path, request: ModelRequest) -> keras.Model:
    if request.arguments:
        raise ModelError(
            f"{path} is a finished network and takes no arguments, but "
            f"{', '.join(request.arguments)} was given: drop it."
        )
    if not path.is_file():
        raise ModelError(f"{path} should be a Keras model file, but there is no such file.")
    try:
        # Safe mode refuses to run Python code that a file carries (Lambda layers).
        model = keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # Keras raises many kinds, and each means the same to the user
        raise ModelError(
            f"{path} should be a model saved by Keras in .keras format, but cannot be loaded: "
            f"{_first_sentence(error)}"
        ) from error
    return _checked(model, str(path))


def _call_function(path: Path, function_name: str, request: ModelRequest) -> keras.Model:
    if not path.is_file():
        raise ModelError(f"{path} should be a Python file, but there is no such file.")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None  # because it ends in .py
    assert specification.loader is not None  # likewise
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise ModelError(
            f"{path} should run without an error, but raises {type(error).__name__}: "
            f"{_first_sentence(error)}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ModelError(
            f"{path} should define a function {function_name}() that returns a Keras model, but "
            "does not."
        )
    arguments = _accepted_arguments(function, request, f"{path}:{function_name}")
    return _built(lambda: function(**arguments), f"{path}:{function_name}")


def _accepted_arguments(
    function: Callable[..., Any], request: ModelRequest, name: str
) -> dict[str, Any]:
    """Give the function the shapes if it takes them, and every argument that the user named."""
    parameters = inspect.signature(function).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    unknown = [key for key in request.arguments if key not in parameters and not takes_any]
    if unknown:
        raise ModelError(
            f"{name} should take the arguments given, but does not take {', '.join(unknown)}: it "
            f"takes {', '.join(parameters) or 'none'}."
        )
    shapes = {
        key: value
        for key, value in request.shape_arguments.items()
        if takes_any or key in parameters
    }
    arguments = {**shapes, **request.arguments}
    absent = [
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and key not in arguments
    ]
    if absent:
        raise ModelError(
            f"{name} needs {', '.join(absent)}, which was not given: add "
            f"{' '.join(f'--model-arg {key}=VALUE' for key in absent)}."
        )
    return arguments


def _built(build: Callable[[], Any], name: str) -> keras.Model:
    with explained(name):
        model = build()
    return _checked(model, name)


def _checked(model: Any, name: str) -> keras.Model:
    if not isinstance(model, keras.Model):
        raise ModelError(f"{name} should give a keras.Model, but gives {type(model).__name__}.")
    if not model.built:
        raise ModelError(
            f"{name} should give a built network, but its input shape is not known: begin it with "
            "keras.Input(shape=(height, width, channels))."
        )
    return model


def _first_sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
