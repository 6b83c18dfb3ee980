"""Keras files that run code, read other files or take all memory are refused in one sentence."""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import resource
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from clearsight.errors import ModelError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

Files = dict[str, bytes]
Change = Callable[[Files], None]


@pytest.fixture(scope="module")
def files() -> Files:
    """The members of a good file, of a small network that was trained a little."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)]
    )
    model.compile(optimizer="adam", loss="mse")
    buffer = io.BytesIO()
    path = Path(os.environ["CLEARSIGHT_DATA"]) / "good.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    buffer.write(path.read_bytes())
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that code in a Keras file would write."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "mark"
    assert not (tmp_path / "mark").exists(), "code in the file ran"


def write(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def configured(change: Callable[[dict[str, Any]], object]) -> Change:
    def apply(files: Files) -> None:
        config = json.loads(files["config.json"])
        change(config)
        files["config.json"] = json.dumps(config).encode()

    return apply


def with_layer(module: str | None, class_name: str, /, **config: Any) -> Change:
    layer = {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }
    return configured(lambda model: model["config"]["layers"].insert(2, layer))


def with_activation(module: str, name: str, registered_name: str | None = None) -> Change:
    activation = {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": registered_name or name,
    }
    return configured(
        lambda model: model["config"]["layers"][-1]["config"].update(activation=activation)
    )


def weighed(change: Callable[[h5py.File, str], object]) -> Change:
    """Change the file of weights, given the path of one of its arrays."""

    def apply(files: Files) -> None:
        buffer = io.BytesIO(files["model.weights.h5"])
        with h5py.File(buffer, "r+") as opened:
            names: list[str] = []
            opened.visititems(
                lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None
            )
            change(opened, next(name for name in names if opened[name].shape == (3,)))
        files["model.weights.h5"] = buffer.getvalue()

    return apply


class Pickled:
    def __reduce__(self) -> tuple:
        return os.system, ("touch mark",)


PICKLE = base64.b64encode(pickle.dumps(Pickled())).decode()
LAMBDA = {
    "class_name": "__lambda__",
    "config": {"code": PICKLE, "defaults": None, "closure": None},
}


def external(file: h5py.File, name: str) -> None:
    del file[name]
    file.create_dataset(name, (3,), "u1", external=[("/etc/passwd", 0, 3)])


def external_link(file: h5py.File, name: str) -> None:
    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd", "/x")


def soft_link(file: h5py.File, name: str) -> None:
    del file[name]
    file[name] = h5py.SoftLink("/")


def virtual(file: h5py.File, name: str) -> None:
    del file[name]
    layout = h5py.VirtualLayout(shape=(3,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(3,))
    file.create_virtual_dataset(name, layout)


def huge_array(file: h5py.File, name: str) -> None:
    del file[name]
    file.create_dataset(name, (10**9,), "f4", chunks=(10**6,), compression="gzip")


def huge_unused_array(file: h5py.File, name: str) -> None:
    file.create_dataset("unused", (10**12,), "f4", chunks=(10**6,))


def objects(file: h5py.File, name: str) -> None:
    del file[name]
    file.create_dataset(name, (3,), h5py.string_dtype())


def loop(file: h5py.File, name: str) -> None:
    """Not an error: each group is visited once."""
    file["loop"] = file["/"]


def many_units(config: dict[str, Any]) -> None:
    dense = config["config"]["layers"][-1]
    dense["config"]["units"] = 500_000_000
    dense.pop("build_config", None)


def huge_constant() -> dict[str, Any]:
    return {"class_name": "__numpy__", "config": {"value": 0, "dtype": "(200000,10000)u1"}}


def huge_metric() -> dict[str, Any]:
    config = {"name": "auc", "dtype": "float32", "num_thresholds": 20_000_000}
    return {
        "module": "keras.metrics",
        "class_name": "AUC",
        "config": config,
        "registered_name": None,
    }


def layer_without_shape(config: dict[str, Any]) -> None:
    config["build_config"] = None
    config["config"].pop("build_input_shape", None)
    layers = config["config"]["layers"]
    layers[0]["config"]["batch_shape"] = [None, 1500, 1500, 3]
    layers[1:] = [
        {
            "module": "keras.layers",
            "class_name": "Layer",
            "config": {"name": "l"},
            "registered_name": None,
        }
    ]


def nested(depth: int) -> Change:
    def apply(files: Files) -> None:
        files["config.json"] = b'{"config":' * depth + b"1" + b"}" * depth

    return apply


def nested_models(files: Files) -> None:
    """Two hundred networks, each inside the next."""
    begin = b'{"module": "keras", "class_name": "Sequential", "config": {"layers": ['
    files["config.json"] = begin * 200 + files["config.json"] + b"]}}" * 200


def pickled_arrays(files: Files) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([Pickled()], dtype=object))
    del files["model.weights.h5"]
    files["model.weights.npz"] = buffer.getvalue()


def without_weights(files: Files) -> None:
    del files["model.weights.h5"]


def member(name: str, content: bytes = b"x") -> Change:
    return lambda files: files.update({name: content})


HOSTILE: dict[str, tuple[Change, str]] = {
    "Lambda": (with_layer("keras.layers", "Lambda", name="l", function=LAMBDA), "a Lambda of"),
    "Lambda without module": (with_layer(None, "Lambda", name="l", function=LAMBDA), "a Lambda,"),
    "lambda activation": (
        configured(lambda model: model["config"]["layers"][-1]["config"].update(activation=LAMBDA)),
        "cannot be loaded|cannot be built",
    ),
    "TorchModuleWrapper": (
        with_layer("keras.layers", "TorchModuleWrapper", name="t", module=PICKLE),
        "a TorchModuleWrapper of keras.layers, which cannot be loaded safely",
    ),
    "TorchModuleWrapper by its own module": (
        with_layer("keras.src.utils.torch_utils", "TorchModuleWrapper", name="t", module=PICKLE),
        "a TorchModuleWrapper of keras.src",
    ),
    "os.system": (with_activation("os", "system"), "a function of os, which"),
    "subprocess by registered name": (
        with_activation("builtins", "system", "subprocess>call"), "cannot be loaded",
    ),
    "exec": (with_activation("builtins", "exec"), "cannot be loaded"),
    "get_file": (with_activation("keras.utils", "get_file"), "a function of keras.utils"),
    "load_model": (with_activation("keras.saving", "load_model"), "a function of keras.saving"),
    "unsafe mode": (
        with_activation("keras.config", "enable_unsafe_deserialization"),
        "a function of keras.config",
    ),
    "a file's vocabulary": (
        with_layer("keras.layers", "StringLookup", name="s", vocabulary="/etc/passwd"),
        "cannot be loaded",
    ),
    "a module of clearsight": (
        with_layer("clearsight.engine.kernels.library", "ctypes"), "a ctypes of clearsight.engine",
    ),
    "array of 2 GB in the configuration": (
        configured(lambda model: model["config"]["layers"][-1].update(x=huge_constant())),
        r"should have arrays of numbers, but has one of the type '\(200000,10000\)u1'",
    ),
    "metric in place of a layer's part": (
        configured(
            lambda model: model["config"]["layers"][-1]["config"].update(
                kernel_initializer=huge_metric()
            )
        ),
        "a AUC of keras.metrics, which cannot be loaded safely",
    ),
    "layer whose shape is found from 2 GB of images": (
        configured(layer_without_shape), "cannot be loaded: ValueError: Exception encountered",
    ),
    "external array": (weighed(external), "should hold its weights as Keras writes them"),
    "external link": (weighed(external_link), "should hold its weights, but has a link"),
    "soft link": (weighed(soft_link), "should hold its weights, but has a link"),
    "virtual array": (weighed(virtual), "should hold its weights as Keras writes them"),
    "array of 4 GB": (weighed(huge_array), "should hold its weights as Keras writes them"),
    "unused array of 4 TB": (weighed(huge_unused_array), "as Keras writes them"),
    "array of objects": (weighed(objects), "should hold its weights as Keras writes them"),
    "500,000,000 units": (
        configured(many_units),
        r"should hold the weights of its network, but that has 72,500,000,\d+ and the file",
    ),
    "wrong types": (
        configured(lambda model: model["config"].update(layers={"a": [1]})), "cannot be loaded"
    ),
    "no dictionary": (lambda files: files.update({"config.json": b"[1, 2]"}), "cannot be loaded"),
    "no JSON": (lambda files: files.update({"config.json": b"{"}), "cannot be loaded"),
    "deep JSON": (nested(100_000), "cannot be loaded: RecursionError"),
    "nested models": (nested_models, "cannot be loaded"),
    "many objects": (
        configured(lambda model: model.update(x=[{} for _ in range(300_000)])),
        "fewer than 200,000 objects",
    ),
    "large configuration": (
        lambda files: files.update({"config.json": b" " * 30_000_000 + files["config.json"]}),
        "its config.json unpacks from",
    ),
    "bomb of weights": (
        lambda files: files.update({"model.weights.h5": bytes(300_000_000)}),
        "its model.weights.h5 unpacks from",
    ),
    "pickled weights": (pickled_arrays, "but has 'model.weights.npz'"),
    "no weights": (without_weights, "no item named 'model.weights.h5'"),
    "path out of the archive": (member("../../evil"), "but has '../../evil'"),
    "assets": (member("assets/vocabulary.txt"), "but has 'assets/vocabulary.txt'"),
    "many members": (
        lambda files: files.update({f"{number}": b"" for number in range(200)}), "at most 100",
    ),
    "damaged weights": (
        lambda files: files.update({"model.weights.h5": files["model.weights.h5"][:3000]}),
        "cannot be loaded",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(files: Files, mark: Path, tmp_path: Path, name: str) -> None:
    change, message = HOSTILE[name]
    changed = dict(files)
    change(changed)
    path = write(changed, tmp_path / "model.keras")
    before = peak_bytes()
    with pytest.raises(ModelError, match=message) as caught:
        build_model(ModelRequest(str(path)))
    said = str(caught.value)
    assert said.startswith(str(path)) or "should have at most" in said
    assert "\n" not in said
    assert peak_bytes() - before < 500_000_000


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_good_file_and_one_with_a_loop_are_loaded(files: Files, tmp_path: Path) -> None:
    path = write(files, tmp_path / "good.keras")
    assert build_model(ModelRequest(str(path))).count_params() == 40 + 144 * 3 + 3
    changed = dict(files)
    weighed(loop)(changed)
    path = write(changed, tmp_path / "loop.keras")
    assert build_model(ModelRequest(str(path))).count_params() == 40 + 144 * 3 + 3


def test_how_networks_were_compiled_is_not_read(files: Files, tmp_path: Path) -> None:
    """A metric may take any memory; an optimizer's variables in the file are left out."""
    compiled = {"optimizer": "adam", "loss": "mse", "metrics": [huge_metric()]}

    def change(config: dict[str, Any]) -> None:
        config["compile_config"] = compiled
        flatten = config["config"]["layers"][2]
        inner = {"name": "inner", "layers": [flatten]}
        config["config"]["layers"][2] = {
            "module": "keras",
            "class_name": "Sequential",
            "config": inner,
            "registered_name": None,
            "build_config": {"input_shape": [None, 6, 6, 4]},
            "compile_config": compiled,
        }

    changed = dict(files)
    configured(change)(changed)
    before = peak_bytes()
    model = build_model(ModelRequest(str(write(changed, tmp_path / "model.keras"))))
    assert model.count_params() == 40 + 144 * 3 + 3
    assert peak_bytes() - before < 500_000_000
