"""Build a Keras model from a zoo name, a .keras file, FILE.py:FUNCTION, or a Python object."""

import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from clearsight.errors import ModelError, did_you_mean, format_validation_error
from clearsight.io.path_state import what_is_at
from clearsight.models.backend import keras
from clearsight.models.build_failure import check_output_sizes, describe_error, explain_build_errors
from clearsight.models.keras_defaults import in_channels_last, in_float32
from clearsight.models.keras_file import load_keras_file
from clearsight.models.object_names import model_name
from clearsight.models.zoo import FAMILIES, Family
from clearsight.option_names import flag, for_reader

_FORMS = f"{', '.join(FAMILIES)}, FILE.keras or FILE.py:FUNCTION"


@dataclass(frozen=True)
class ModelRequest:
    """Which network to build.

    Attributes:
        model: a name of the zoo, "FILE.keras", "FILE.py:FUNCTION", a function that returns a
            network, or a network itself.
        arguments: options of the family, or keyword arguments of the function.
        input_shape: height, width, channels; None for the network's own default.
        num_classes: None for the network's own default.
        other_names: names to suggest for an unknown argument besides the network's own, such as the
            parameters of the function that it was passed to.
    """

    model: str | Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    input_shape: tuple[int, int, int] | None = None
    num_classes: int | None = None
    other_names: tuple[str, ...] = ()

    def did_you_mean(self, known: Iterable[str] = ()) -> str:
        """Return " Did you mean 'NAME'?" for the first argument that is similar to another name."""
        names = (*known, *self.other_names)
        hints = (did_you_mean(each, names) for each in self.arguments if each not in names)
        return next(filter(None, hints), "")

    @property
    def shape_arguments(self) -> dict[str, Any]:
        """The arguments that the data determine, without those that are None."""
        shapes = {"input_shape": self.input_shape, "num_classes": self.num_classes}
        return {name: value for name, value in shapes.items() if value is not None}


def build_model(request: ModelRequest) -> keras.Model:
    """Build or load a network.

    A network object is returned as it is; an unbuilt Sequential one is built for `input_shape`.

    Returns:
        A built Sequential or Functional model.

    Raises:
        ModelError: if it cannot be found, its options are wrong, or it cannot be built; the
            message gives the layer that failed, its input and what it needs.
    """
    name = request.model
    if isinstance(name, keras.Model):
        return _given_model(name, request)
    if callable(name):
        return _call_function(name, f"{model_name(name)}()", request)
    if not isinstance(name, str):
        raise ModelError(
            f"The model should be {_FORMS}, a keras.Model, or a function that returns one, but is "
            f"of type {type(name).__name__}."
        )
    if name in FAMILIES:
        return _build_family(FAMILIES[name], request)
    if name.endswith(".keras"):
        return _load_keras_file(Path(name), request)
    path, separator, function = name.rpartition(":")
    if separator and path.endswith(".py"):
        return _call_function(_find_function(Path(path), function), name, request)
    raise ModelError(
        f"The model should be {_FORMS}, but '{name}' was given.{did_you_mean(name, FAMILIES)}"
    )


def parse_argument(text: str) -> tuple[str, Any]:
    """Parse one ``KEY=VALUE``; a value that is not JSON is taken as text.

    Raises:
        ModelError: if there is no "=".

    Example:
        >>> parse_argument("num_blocks=3"), parse_argument("padding=valid,same")
        (('num_blocks', 3), ('padding', 'valid,same'))
    """
    key, separator, value = text.partition("=")
    if not (separator and key):
        raise ModelError(f"An argument should look like KEY=VALUE, but is '{text}'.")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _build_family(family: Family, request: ModelRequest) -> keras.Model:
    try:
        options = family.options(**{**request.shape_arguments, **request.arguments})
    except ValidationError as error:
        own = tuple(family.options.model_fields)
        mistakes = format_validation_error(error, (*own, *request.other_names))
        raise ModelError(
            f"The options of '{family.name}' are not valid: {mistakes}. Its options are "
            f"{', '.join(own)}."
        ) from None
    with explain_build_errors(family.name), in_channels_last(), in_float32():
        model = family.build(options)
    return _check_model(model, family.name)


def _load_keras_file(path: Path, request: ModelRequest) -> keras.Model:
    if request.arguments:
        raise ModelError(
            f"{path} is a saved network and takes no arguments, but "
            f"{', '.join(request.arguments)} was given: leave it out.{request.did_you_mean()}"
        )
    if not os.path.isfile(path):  # False for invalid names too
        raise ModelError(f"{path} should be a Keras model file, but {what_is_at(path)}.")
    return _check_model(load_keras_file(path), str(path))


def _given_model(model: keras.Model, request: ModelRequest) -> keras.Model:
    if request.arguments:
        raise ModelError(
            f"'{model.name}' is a network already and takes no arguments, but "
            f"{', '.join(request.arguments)} was given: leave it out, or give a function that "
            f"builds the network.{request.did_you_mean()}"
        )
    return _check_model(model, f"'{model.name}'", request.input_shape)


def _find_function(path: Path, function_name: str) -> Callable[..., Any]:
    if not os.path.isfile(path):
        raise ModelError(f"{path} should be a Python file, but {what_is_at(path)}.")
    function = getattr(_run_file(path), function_name, None)
    if not callable(function):
        raise ModelError(
            f"{path} should define a function {function_name}() that returns a Keras model, but "
            "does not."
        )
    return function


def _call_function(function: Callable[..., Any], name: str, request: ModelRequest) -> keras.Model:
    arguments = _accepted_arguments(function, request, name)
    with explain_build_errors(name), in_channels_last():
        model = function(**arguments)
    return _check_model(model, name, request.input_shape)


def _run_file(path: Path) -> ModuleType:
    """Execute a Python file as a module that can import the files in its folder, like a script."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None  # because it ends in .py
    assert specification.loader is not None  # for the same reason
    module = importlib.util.module_from_spec(specification)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # dataclasses and pickle look modules up here
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        if before is not None:
            sys.modules[path.stem] = before
        raise ModelError(
            f"{path} should run without an error, but raises {describe_error(error)}"
        ) from error
    return module


def _accepted_arguments(
    function: Callable[..., Any], request: ModelRequest, name: str
) -> dict[str, Any]:
    """Return the request's arguments, and its shapes if the function accepts them."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError as error:  # of some functions in C
        raise ModelError(f"{name} should be a Python function, but {error}.") from error
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    unknown = [key for key in request.arguments if key not in parameters and not takes_any]
    if unknown:
        raise ModelError(
            f"{name} should take the arguments given, but does not take {', '.join(unknown)}: it "
            f"takes {', '.join(parameters) or 'none'}.{request.did_you_mean(parameters)}"
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
        typed = for_reader(f"{flag('model_arguments')} ", "")
        where = for_reader("", " to the model's arguments")
        unused = [key for key in request.shape_arguments if key not in parameters]
        are = "is" if len(unused) == 1 else "are"
        only = f" {' and '.join(unused)} {are} passed only by that name." if unused else ""
        raise ModelError(
            f"{name} needs {', '.join(absent)}, which was not given: add "
            f"{' '.join(f'{typed}{key}=VALUE' for key in absent)}{where}.{only}"
        )
    return arguments


def _check_model(
    model: Any, name: str, input_shape: tuple[int, int, int] | None = None
) -> keras.Model:
    if not isinstance(model, keras.Model):
        raise ModelError(f"{name} should return a keras.Model, but returns {type(model).__name__}.")
    if not model.built and isinstance(model, keras.Sequential) and input_shape is not None:
        with explain_build_errors(name):
            model.build((None, *input_shape))
    if not model.built and not isinstance(model, keras.Sequential):
        raise ModelError(
            f"{name} should be a Sequential or Functional model, but is a subclass of keras.Model, "
            f"{type(model).__name__}, whose layers are only known once it is called: make it with "
            "keras.Model(inputs, outputs)."
        )
    if not model.built:
        raise ModelError(
            f"{name} should be a built network, but its input shape is unknown: begin it with "
            "keras.Input(shape=(height, width, channels))."
        )
    check_output_sizes(model, name)
    return model
