"""Public functions given a wrong argument say in one sentence what it should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import clearsight
from clearsight.errors import ClearsightError

X, Y = np.zeros((4, 8, 8, 1), np.float32), np.arange(4)
PIXELS = np.zeros((2, 8, 8, 1), np.uint8)
NAMES = ("a", "b")


class Odd:
    """Something that no function takes."""


# Of each kind that a beginner may pass by mistake.
WRONG: dict[str, Any] = {
    "None": None,
    "a number": 5,
    "a negative number": -1,
    "a fraction": 2.5,
    "True": True,
    "text": "text",
    "no text": "",
    "text that is no path": "a\0b",
    "bytes": b"abc",
    "an empty list": [],
    "a dict": {},
    "a set": {1, 2},
    "a missing path": Path("missing"),
    "a path of this folder": Path(__file__).parent,
    "a file": Path(__file__),
    "an object": Odd(),
    "a class": Odd,
    "a function": len,
    "an array of floats": np.zeros((3, 4, 5)),
    "an array without axes": np.zeros(()),
    "an array of numbers": np.arange(3),
    "an array of objects": np.array([None, 1], dtype=object),
    "an array of text": np.array(["a", "b"]),
    "an array of NaN": np.full((2, 8, 8, 1), np.nan),
    "an array of no images": np.zeros((0, 8, 8, 1), np.uint8),
    "an array of other images": np.zeros((2, 9, 9, 3), np.uint8),
    "an array of complex numbers": np.zeros((2, 8, 8, 1), complex),
}

Call = Callable[[Any], object]


def on_classes() -> dict[str, Call]:
    """Return calls that need no run."""
    images = clearsight.ImageSet(PIXELS, np.array([0, 1]), NAMES)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    network = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    network.compile(loss="sparse_categorical_crossentropy")
    recipe = clearsight.Recipe(name="mine", summary="")

    def of(function: Callable[..., object], name: str, *given: Any, **others: Any) -> Call:
        return lambda value: function(*given, **others, **{name: value})

    quiet = {"verbose": False}
    train = (clearsight.train, "digits")
    calls: dict[str, Call] = {
        "train": of(clearsight.train, "source", epochs=0, **quiet),
        "load_data": of(clearsight.load_data, "source"),
        "resume": of(clearsight.resume, "path", **quiet),
        "Run.load": of(clearsight.Run.load, "path"),
        "SeedRuns.load": of(clearsight.SeedRuns.load, "path"),
        "load": of(clearsight.load, "path"),
        "compare": lambda value: clearsight.compare(value, "missing"),
        "evaluate": of(clearsight.evaluate, "run"),
        "exercise": of(clearsight.exercise, "name", **quiet),
        "trace": of(clearsight.trace, "model"),
        "accelerate": of(clearsight.accelerate, "model"),
        "check_fit": of(clearsight.check_fit, "model", x=X, y=Y),
        "check_fit(x)": of(clearsight.check_fit, "x", network, y=Y),
        "check_fit(y)": of(clearsight.check_fit, "y", network, X),
        "read_images": of(clearsight.read_images, "paths", size=(8, 8)),
        "read_images([...])": lambda value: clearsight.read_images([value], size=(8, 8)),
        "Splits": clearsight.Splits,
        "ImageSet": lambda value: clearsight.ImageSet(value, np.arange(3), NAMES),
        "ImageSet(labels)": lambda value: clearsight.ImageSet(PIXELS, value, NAMES),
        "ImageSet.from_arrays": of(clearsight.ImageSet.from_arrays, "images", labels=np.arange(3)),
        "Recipe(summary)": lambda value: clearsight.Recipe(name="", summary=value, epochs=0),
        "TrainRequest": lambda value: clearsight.TrainRequest(source=value, epochs=0),
        "take": images.take,
        "first": images.first,
        "with_classes": images.with_classes,
        "with_pixel_range": clearsight.Splits(images).with_pixel_range,
        "Recipe.replace": lambda value: recipe.replace(epochs=value),
    }
    for name in ("epochs", "batch_size", "learning_rate", "seeds", "train_limit", "device", "seed"):
        calls[f"train({name})"] = of(*train[:1], name, train[1], out="/dev/null/x", **quiet)
    for name in ("image_size", "channels", "resize", "pixel_range", "test_split", "header"):
        calls[f"load_data({name})"] = of(clearsight.load_data, name, "digits", data_dir="x")
    for name in ("size", "channels", "pixel_range"):
        others = {"size": (8, 8)} if name != "size" else {}
        calls[f"read_images({name})"] = of(clearsight.read_images, name, ["missing.png"], **others)
    for name in ("precision", "device", "tune_process"):
        wrong = {"precision": "half"} if name == "tune_process" else {}
        calls[f"accelerate({name})"] = of(clearsight.accelerate, name, network, **wrong)
    for name in ("answers", "parameters", "verbose", "seeds"):
        others = {"answers": ["unreadable"], **quiet}
        others.pop(name, None)
        calls[f"exercise({name})"] = of(clearsight.exercise, name, "padding", **others)
    for name in ("input_shape", "against", "against_arguments", "num_blocks"):
        calls[f"trace({name})"] = of(clearsight.trace, name, "lesson")
    for name in ("names", "groups", "original_sizes"):
        calls[f"ImageSet({name})"] = of(clearsight.ImageSet, name, PIXELS, np.arange(2), NAMES)
    return calls


@pytest.fixture(scope="module")
def digits(digits_run: Path) -> dict[str, Call]:
    run = clearsight.Run.load(digits_run)
    bundle = clearsight.load(digits_run / "bundle")
    predictions = bundle.predict(PIXELS)
    return {
        "Run.predict": run.predict,
        "Bundle.predict": bundle.predict,
        "Bundle.predict([...])": lambda value: bundle.predict([value]),
        "Bundle.predict(temperature)": lambda value: bundle.predict(X, temperature=value),
        "Bundle.probabilities": bundle.probabilities,
        "Bundle.apply_temperature": bundle.apply_temperature,
        "load(num_threads)": lambda value: clearsight.load("missing", num_threads=value),
        "Run.load(allow_download)": lambda v: clearsight.Run.load("missing", allow_download=v),
        "compare(allow_download)": lambda v: clearsight.compare("a", "b", allow_download=v),
        "evaluate(source)": lambda value: clearsight.evaluate(
            run, "missing" if value is None else value
        ),
        "evaluate(allow_bad)": lambda value: clearsight.evaluate(run, "missing", allow_bad=value),
        "top": predictions.top,
        "plot": run.plot,
    }


def mistakes_of(calls: dict[str, Call]) -> list[str]:
    """Return what ended in anything but one sentence of ours."""
    found = []
    for name, call in calls.items():
        for kind, value in WRONG.items():
            try:
                call(value)
            except ClearsightError as error:
                text = str(error)
                if "\n" in text or "Traceback" in text or " object at 0x" in text:
                    found.append(f"{name}({kind}): {text}")
            except Exception as error:
                found.append(f"{name}({kind}): {type(error).__name__}: {error}")
    return found


def test_functions_given_a_wrong_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert mistakes_of(on_classes()) == []
    assert list(tmp_path.iterdir()) == []


def test_methods_of_a_run_given_a_wrong_argument(
    digits: dict[str, Call], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mistakes_of(digits) == []


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        (
            clearsight.load,
            "run",
            r"Run\.load\('.*run'\) loads; load\('.*bundle'\) opens its bundle",
        ),
        (clearsight.load, "run/model.keras", r"keras\.models\.load_model\('.*model\.keras'\)"),
        (clearsight.load, "seeds", r"SeedRuns\.load\('.*seeds'\) loads"),
        (clearsight.Run.load, "run/bundle", r"it is a bundle, which load\('.*bundle'\) opens"),
        (clearsight.Run.load, "run/model.keras", "give its folder .*run"),
        (clearsight.Run.load, "seeds", r"SeedRuns\.load\('.*seeds'\) loads them all"),
        (clearsight.SeedRuns.load, "run", r"single run, which Run\.load\('.*run'\) loads"),
        (clearsight.SeedRuns.load, "nothing", "seeds.json, but .*nothing does not exist"),
    ],
)
def test_what_opens_a_folder_of_another_kind_is_said(
    function: Call, given: str, expected: str, digits_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").symlink_to(digits_run)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "seeds.json").write_text("{}")
    with pytest.raises(ClearsightError, match=expected):
        function(tmp_path / given)


def test_all_mistakes_in_an_array_of_images_are_said(digits_run: Path) -> None:
    images = np.zeros((2, 9, 9), np.float32)
    with pytest.raises(ClearsightError, match=r"have shape \(2, 9, 9\), and are float32: pass"):
        clearsight.Run.load(digits_run).predict(images)
    bundle = clearsight.load(digits_run / "bundle")
    with pytest.raises(ClearsightError, match=r"uint8 images \(N, H, W, C\).*but are float32"):
        bundle.predict(images[..., None])  # which may have any size
    with pytest.raises(ClearsightError, match=r"have shape \(2, 9, 9\), and are float32: pass"):
        bundle.predict(images)


def test_options_near_a_functions_own_are_named() -> None:
    def network(units: int = 3) -> keras.Model:
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])

    for model in ("lesson", network, network()):
        with pytest.raises(ClearsightError, match=r"[dD]id you mean 'against_arguments'\?"):
            clearsight.trace(model, against_args={"units": 3})
    with pytest.raises(ClearsightError, match=r"Did you mean 'units'\?"):
        clearsight.trace(network, unit=4)


def test_numbers_of_numpy_are_numbers() -> None:
    recipe = clearsight.Recipe(name="mine", summary="", epochs=np.int64(3))
    assert type(recipe.epochs) is int


@pytest.mark.parametrize("option", ["epochs", "batch_size", "seed", "learning_rate", "channels"])
def test_true_is_no_number(option: str) -> None:
    with pytest.raises(ClearsightError, match=f"{option} = True: should be a number"):
        clearsight.train("digits", **{option: True})


def test_verbose_is_on_or_off() -> None:
    with pytest.raises(ClearsightError, match="verbose= should be True or False, but is 2"):
        clearsight.train("digits", verbose=2)
