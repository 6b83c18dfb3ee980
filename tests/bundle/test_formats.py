"""Every format, and every network of the zoo, through the same check of parity."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.bundle.formats import FORMATS
from clearsight.bundle.network import TrainedNetwork
from clearsight.bundle.parity import Parity, check_parity
from clearsight.bundle.spec import BundleSpec
from clearsight.bundle.writing import write_bundle
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.errors import BundleError, MissingExtraError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

NEEDS = {"openvino": "openvino", "litert": "litert_torch"}


def zoo(name: str, shape: tuple[int, int, int], **options: Any) -> keras.Model:
    return build_model(ModelRequest(name, {"input_shape": shape, "num_classes": 4, **options}))


def with_layers_left_to_keras() -> keras.Model:
    layers = keras.layers
    images = keras.Input((16, 16, 3))
    values = layers.Rescaling(1 / 255)(images)
    values = layers.Conv2D(8, 3, padding="same", activation="swish")(values)
    values = layers.Permute((2, 1, 3))(values)
    values = layers.UnitNormalization()(values)
    return keras.Model(images, layers.Dense(4, activation="softmax")(layers.Flatten()(values)))


class Own(keras.Model):
    """A network without a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = keras.layers.Conv2D(4, 3)
        self.last = keras.layers.Dense(4, activation="softmax")

    def call(self, images: Any) -> Any:
        return self.last(keras.ops.mean(self.convolution(images), axis=(1, 2)))


def own_class() -> keras.Model:
    model = Own()
    model(np.zeros((1, 16, 16, 3), np.float32))
    return model


CLOSE = 1e-5  # of a probability
NETWORKS: dict[str, Any] = {
    "lesson": lambda: zoo("lesson", (28, 28, 1)),
    "lesson, valid, three blocks, dropout": lambda: zoo(
        "lesson", (32, 24, 3), num_blocks=3, padding=("valid",), dropout=0.5
    ),
    "residual": lambda: zoo("residual", (28, 28, 1)),
    "residual, wide images, more blocks": lambda: zoo(
        "residual", (20, 48, 3), width=16, num_blocks=2, num_stage_blocks=1, dropout=0.1
    ),
    "with layers left to Keras": with_layers_left_to_keras,
    "a class of one's own": own_class,
}


def exported(model: keras.Model, kind: str, place: Path, *, views: Views = Views()) -> float:  # noqa: B008
    """Write a bundle of a network with weights that are no beginner's.

    Return how far its probabilities are off at most, in any number of images at once.
    """
    random = np.random.default_rng(0)
    for layer in model.layers:  # fresh statistics would hide that they are forgotten
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            moved = [random.normal(size=len(mean)) * 0.1, random.uniform(0.5, 2, len(variance))]
            layer.set_weights([gamma, beta + 0.1, *moved])
    shape = tuple(model.input_shape[1:]) if hasattr(model, "inputs") else (16, 16, 3)
    preparation = Preparation(*shape)
    images = random.integers(0, 256, (64, *shape), dtype=np.uint8)
    x = preparation.apply(images)
    shown = views.of(torch.from_numpy(x))
    probabilities = np.sum(
        [w * model.predict(view.numpy(), verbose=0) for w, view in shown], axis=0
    )
    names = ("a", "b", "c", "d") if probabilities.shape[1] == 4 else tuple("abcdefghij")
    spec = BundleSpec("test", kind, "float32", names, preparation, views, None, {}, {})
    parity = Parity.of(images, probabilities.astype(np.float32), preparation)
    write_bundle(TrainedNetwork(model, preparation, views), spec, parity, place)
    bundle = clearsight.load(place)
    differences = [check_parity(bundle).largest_difference]
    for count in (1, 7):
        found = bundle.probabilities(images[:count])
        assert found.shape == probabilities[:count].shape
        differences.append(float(np.abs(found - probabilities[:count]).max()))
    return max(differences)


@pytest.mark.parametrize("views", [Views(), Views(mirrored=True, shift_pixels=1)])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_becomes_onnx(tmp_path: Path, name: str, views: Views) -> None:
    assert exported(NETWORKS[name](), "onnx", tmp_path / "bundle", views=views) < CLOSE


@pytest.mark.slow
def test_the_newer_exporter_follows_where_the_trace_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearsight.bundle.formats import onnx_file

    def fixed_to_one_size(module: Any, network: TrainedNetwork, path: Path) -> None:
        import torch

        torch.onnx.export(
            module,
            (network.images(3),),
            str(path),
            dynamo=False,
            input_names=["images"],
            output_names=["probabilities"],
        )

    monkeypatch.setattr(onnx_file, "_traced", fixed_to_one_size)
    views = Views(mirrored=True, shift_pixels=1)
    assert exported(zoo("residual", (28, 28, 1)), "onnx", tmp_path / "bundle", views=views) < CLOSE


def test_no_layer_is_left_with_a_transposition(small_bundle: clearsight.Bundle) -> None:
    """One turns the images, one turns back before Flatten; runtimes are slow on more."""
    import onnx

    nodes = onnx.load(small_bundle.path / "model.onnx").graph.node
    assert sum(node.op_type == "Transpose" for node in nodes) == 2


def test_pixels_are_scaled_in_long_rows(small_bundle: clearsight.Bundle) -> None:
    """Over a last axis of one channel ONNX Runtime goes value by value, twenty times as long."""
    import onnx

    nodes = onnx.load(small_bundle.path / "model.onnx").graph.node
    kinds = [node.op_type for node in nodes if node.op_type != "Constant"]
    assert kinds[:4] == ["Flatten", "Cast", "Div", "Reshape"]


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "onnx"])
def test_every_format_gives_the_same(tmp_path: Path, kind: str) -> None:
    if kind in NEEDS and importlib.util.find_spec(NEEDS[kind]) is None:
        with pytest.raises(MissingExtraError, match=rf"pip install 'clearsight\[{kind}\]'"):
            exported(zoo("lesson", (28, 28, 1)), kind, tmp_path / "bundle")
        return
    exported(
        zoo("residual", (20, 48, 3), width=16),
        kind,
        tmp_path / "bundle.zip",
        views=Views(mirrored=True, shift_pixels=1),
    )


def test_a_torch_program_with_a_pickle_in_it_is_refused(tmp_path: Path) -> None:
    import zipfile

    from support.tampering import make_hashes_anew

    place = tmp_path / "bundle"
    exported(zoo("lesson", (28, 28, 1)), "pt2", place)
    with zipfile.ZipFile(place / "model.pt2", "a") as archive:
        root = archive.namelist()[0].split("/")[0]
        archive.writestr(f"{root}/data/constants/custom_obj_0", b"cos\nsystem\n(S'true'\ntR.")
    make_hashes_anew(place)
    with pytest.raises(BundleError, match="which might be code"):
        clearsight.load(place)


CALLS_FOR_A_PICKLE = ('"use_pickle":true', '"use_pickle"\n:\ttrue', '"use_pickl\\u0065": true')


@pytest.mark.parametrize("written", CALLS_FOR_A_PICKLE)
def test_a_table_of_contents_that_calls_for_a_pickle_is_refused(
    tmp_path: Path, written: str
) -> None:
    import zipfile

    from support.tampering import make_hashes_anew

    place = tmp_path / "bundle"
    exported(zoo("lesson", (28, 28, 1)), "pt2", place)
    file = place / "model.pt2"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    harmless = re.compile(rb'"use_pickle"\s*:\s*false')
    tables = (name for name in members if name.endswith("_config.json"))
    table = next(name for name in tables if harmless.search(members[name]))
    members[table] = harmless.sub(lambda _: written.encode(), members[table], count=1)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    make_hashes_anew(place)
    with pytest.raises(BundleError, match="calls something pickled"):
        clearsight.load(place)


def test_keras_opens_its_file_without_us(tmp_path: Path, small_run: clearsight.Run) -> None:
    from clearsight.run.export.bundle import export_run

    path, _ = export_run(small_run, tmp_path / "bundle", kind="keras")
    model = keras.saving.load_model(path / "model.keras")
    with np.load(path / "parity.npz", allow_pickle=False) as arrays:
        images, probabilities = arrays["images"], arrays["probabilities"]
    found = model.predict(images.astype("float32") / 255, verbose=0)
    np.testing.assert_allclose(found, probabilities, atol=1e-5)
