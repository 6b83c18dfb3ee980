"""Networks from .keras files (in safe mode) and from functions in Python files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import ModelError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.object_names import recorded_model
from clearsight.models.pixel_scaling import pixel_scaling

FUNCTIONS = """
import keras

def network(input_shape, num_classes, units=16):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(units),
        keras.layers.Dense(num_classes, activation="softmax"),
    ])

def needs(depth):
    return network((8, 8, 1), 2, units=depth)

def open_ended():
    return keras.Sequential([keras.layers.Dense(3)])

def two_paths():
    images = keras.Input((8, 8, 1))
    left, right = keras.layers.Conv2D(3, 3)(images), keras.layers.Conv2D(4, 5)(images)
    return keras.Model(images, keras.layers.Add(name="together")([left, right]))

def nothing():
    return None

def broken():
    raise RuntimeError("no such luck")

def leaves():
    raise SystemExit(3)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "networks.py"
    path.write_text(FUNCTIONS)
    return path


def test_a_function_gets_the_shapes_and_the_arguments(path: Path) -> None:
    model = build_model(ModelRequest(f"{path}:network", {"units": 5}, (9, 9, 3), 4))
    assert model.input_shape == (None, 9, 9, 3)
    assert model.layers[1].units == 5
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("absent", {}, r"should define a function absent\(\)"),
        ("network", {"unit": 5}, "does not take unit: it takes input_shape, num_classes, units"),
        ("needs", {}, "needs depth, which was not given: add depth=VALUE to the model"),
        ("nothing", {}, "should return a keras.Model, but returns NoneType"),
        ("broken", {}, r"cannot be built: RuntimeError: no such luck \(networks.py:25\)"),
        ("leaves", {}, "cannot be built: SystemExit: 3"),
        ("two_paths", {}, r"layer 'together' \(Add\) rejects its input \(6, 6, 3\) and \(4, 4, 4"),
    ],
)
def test_errors_in_functions_are_explained(
    path: Path, function: str, arguments: dict, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_model(ModelRequest(f"{path}:{function}", arguments, (8, 8, 1), 2))


def test_a_network_without_input_shape_is_explained(path: Path) -> None:
    with pytest.raises(ModelError, match=r"its input shape is unknown: begin it with keras\.Input"):
        build_model(ModelRequest(f"{path}:open_ended"))


def network(input_shape, num_classes, units=16) -> keras.Model:
    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(units)]
    return keras.Sequential([*layers, keras.layers.Dense(num_classes, activation="softmax")])


class Maker:
    def __call__(self, input_shape) -> keras.Model:
        return network(input_shape, 4)


class Subclass(keras.Model):
    def __init__(self, name: str = "own") -> None:
        super().__init__(name=name)

    def call(self, x):
        return x


def open_ended() -> keras.Model:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (network, "network()"),
        (partial(network, units=3), "network()"),
        (lambda **shapes: network(**shapes, units=3), "lambda()"),
        (lambda: network((9, 9, 3), 4), "lambda()"),
        (Maker(), "Maker()"),
        (open_ended, "open_ended()"),
        (keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)], name="own"), "own (Ker"),
    ],
)
def test_functions_and_models_are_networks(model, name: str) -> None:
    found = build_model(ModelRequest(model, {}, (9, 9, 3), 4))
    assert (found.input_shape, found.output_shape) == ((None, 9, 9, 3), (None, 4))
    assert recorded_model(model).startswith(name)
    assert clearsight.trace(found, (9, 9, 3)).num_parameters == found.count_params()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda shape: network(shape, 2),
            r"lambda\(\) needs shape, .* input_shape and num_classes are passed only by that name",
        ),
        (lambda: None, r"lambda\(\) should return a keras.Model, but returns NoneType"),
        (lambda: 1 / 0, r"lambda\(\) cannot be built: ZeroDivisionError: division by zero"),
        (Subclass, r"Subclass\(\) should be a Sequential or Functional model, but is a subclass"),
        (Subclass(name="own"), "'own' should be a Sequential or Functional model"),
        (3, "The model should be lesson, residual, .* but is of type int"),
        (max, r"max\(\) should be a Python function"),
    ],
)
def test_what_is_no_network_is_explained(model, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_model(ModelRequest(model, {}, (8, 8, 1), 2))


def test_errors_in_files_are_explained(tmp_path: Path) -> None:
    (tmp_path / "typo.py").write_text("imprt keras")
    (tmp_path / "words.keras").write_text("no model")
    for name, message in (
        ("typo.py:network", "should run without an error, but raises SyntaxError"),
        ("absent.py:network", "should be a Python file, but does not exist"),
        ("absent.keras", "should be a Keras model file, but does not exist"),
        ("words.keras", "should be a model saved by Keras in .keras format"),
    ):
        with pytest.raises(ModelError, match=message):
            build_model(ModelRequest(str(tmp_path / name)))
    with pytest.raises(ModelError, match="Did you mean 'lesson'"):
        build_model(ModelRequest("leson"))


def test_a_saved_model_is_loaded(tmp_path: Path) -> None:
    model = build_model(ModelRequest("lesson"))
    model.save(tmp_path / "model.keras")
    loaded = build_model(ModelRequest(str(tmp_path / "model.keras")))
    assert loaded.count_params() == 421_642
    with pytest.raises(ModelError, match="takes no arguments, but padding was given"):
        build_model(ModelRequest(str(tmp_path / "model.keras"), {"padding": "same"}))


def test_a_file_with_code_is_refused(tmp_path: Path) -> None:
    code = keras.layers.Lambda(lambda x: x * 2)
    keras.Sequential([keras.Input((4,)), code]).save(tmp_path / "code.keras")
    with pytest.raises(ModelError, match="cannot be loaded"):
        build_model(ModelRequest(str(tmp_path / "code.keras")))


def test_pixel_scaling_of_networks() -> None:
    layers = keras.layers
    scaling = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255)])
    nested = keras.Sequential([keras.Input((8, 8, 1)), scaling, layers.Flatten()])
    efficient = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3))
    images = keras.Input((8, 8, 1))
    divided = keras.Model(images, layers.Dense(2)(images / 255.0))
    multiplied = keras.Model(images, layers.Dense(2)(0.0039 * images))
    for model in (scaling, nested, efficient, divided, multiplied):
        assert pixel_scaling(model) == "rescales"
    assert pixel_scaling(build_model(ModelRequest("lesson"))) == "nothing"
    doubled = keras.Model(images, layers.Dense(2)(images * 2.0))
    assert pixel_scaling(doubled) == "nothing"
    assert pixel_scaling(keras.Model(images, layers.Dense(2)(images - 0.5))) == "unknown"
    normalized = keras.Model(images, layers.Dense(2)(layers.BatchNormalization()(images)))
    assert pixel_scaling(normalized) == "normalizes"


def test_a_function_may_import_files_next_to_it_and_define_dataclasses(tmp_path: Path) -> None:
    (tmp_path / "its_blocks.py").write_text("UNITS = 7\n")
    (tmp_path / "network_with_neighbour.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from keras import Sequential, layers\nfrom its_blocks import UNITS\n"
        "@dataclass\nclass Options:\n    units: int = UNITS\n"
        "def network():\n"
        "    return Sequential([layers.Flatten(), layers.Dense(Options().units)])\n"
    )
    request = ModelRequest(
        f"{tmp_path}/network_with_neighbour.py:network", input_shape=(8, 8, 1), num_classes=7
    )
    # The open Sequential gets the data's shape.
    assert build_model(request).output_shape == (None, 7)
