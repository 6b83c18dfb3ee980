"""Every format, and every network of the zoo, passes the same parity check."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.bundle.formats.table import FORMATS
from clearsight.bundle.network import TrainedNetwork
from clearsight.bundle.parity import Parity, check_parity
from clearsight.bundle.spec import BundleSpec
from clearsight.bundle.write import write_bundle
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.errors import MissingExtraError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

NEEDS = {"openvino": "openvino", "litert": "litert_torch"}


def zoo(name: str, shape: tuple[int, int, int], **options: Any) -> keras.Model:
    return build_model(ModelRequest(name, {"input_shape": shape, "num_classes": 4, **options}))


def network_with_keras_layers() -> keras.Model:
    layers = keras.layers
    images = keras.Input((16, 16, 3))
    values = layers.Rescaling(1 / 255)(images)
    values = layers.Conv2D(8, 3, padding="same", activation="swish")(values)
    values = layers.Permute((2, 1, 3))(values)
    values = layers.UnitNormalization()(values)
    return keras.Model(images, layers.Dense(4, activation="softmax")(layers.Flatten()(values)))


class Subclassed(keras.Model):
    """A subclassed network without a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = keras.layers.Conv2D(4, 3)
        self.last = keras.layers.Dense(4, activation="softmax")

    def call(self, images: Any) -> Any:
        return self.last(keras.ops.mean(self.convolution(images), axis=(1, 2)))


def subclassed() -> keras.Model:
    model = Subclassed()
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
    "layers run by Keras": network_with_keras_layers,
    "subclassed": subclassed,
}


def export_and_compare(
    model: keras.Model,
    model_format: str,
    path: Path,
    *,
    views: Views = Views(),  # noqa: B008
) -> float:
    """Write a bundle of a network with non-trivial batch statistics.

    Return the largest error of its probabilities over several batch sizes.
    """
    random = np.random.default_rng(0)
    for layer in model.layers:  # initial statistics would hide their loss
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
    spec = BundleSpec("test", model_format, "float32", names, preparation, views, None, {}, {})
    parity = Parity.of(images, probabilities.astype(np.float32), preparation)
    write_bundle(TrainedNetwork(model, preparation, views), spec, parity, path)
    bundle = clearsight.load(path)
    differences = [check_parity(bundle).largest_difference]
    for count in (1, 7):
        found = bundle.probabilities(images[:count])
        assert found.shape == probabilities[:count].shape
        differences.append(float(np.abs(found - probabilities[:count]).max()))
    return max(differences)


@pytest.mark.parametrize("views", [Views(), Views(mirrored=True, shift_pixels=1)])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_exports_to_onnx(tmp_path: Path, name: str, views: Views) -> None:
    assert export_and_compare(NETWORKS[name](), "onnx", tmp_path / "bundle", views=views) < CLOSE


@pytest.mark.slow
def test_the_newer_exporter_is_used_if_the_trace_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearsight.bundle.formats import onnx_file

    export = onnx_file._export

    def trace_for_one_batch_size(
        module: Any, network: TrainedNetwork, path: Path, *, dynamo: bool
    ) -> None:
        import torch

        if dynamo:
            export(module, network, path, dynamo=True)
            return
        torch.onnx.export(
            module,
            (network.example_images(3),),
            str(path),
            dynamo=False,
            input_names=["images"],
            output_names=["probabilities"],
        )

    monkeypatch.setattr(onnx_file, "_export", trace_for_one_batch_size)
    views = Views(mirrored=True, shift_pixels=1)
    assert (
        export_and_compare(zoo("residual", (28, 28, 1)), "onnx", tmp_path / "bundle", views=views)
        < CLOSE
    )


def test_no_layer_needs_a_transposition(small_bundle: clearsight.Bundle) -> None:
    """Only two: of the images, and back before Flatten; more make runtimes slow."""
    import onnx

    nodes = onnx.load(small_bundle.path / "model.onnx").graph.node
    assert sum(node.op_type == "Transpose" for node in nodes) == 2


def test_pixels_are_scaled_in_long_rows(small_bundle: clearsight.Bundle) -> None:
    """ONNX Runtime is twenty times slower on a last axis of one channel."""
    import onnx

    nodes = onnx.load(small_bundle.path / "model.onnx").graph.node
    operations = [node.op_type for node in nodes if node.op_type != "Constant"]
    assert operations[:4] == ["Flatten", "Cast", "Div", "Reshape"]


@pytest.mark.parametrize("model_format", [name for name in FORMATS if name != "onnx"])
def test_every_format_gives_the_same(tmp_path: Path, model_format: str) -> None:
    if model_format in NEEDS and importlib.util.find_spec(NEEDS[model_format]) is None:
        with pytest.raises(MissingExtraError, match=rf"pip install 'clearsight\[{model_format}\]'"):
            export_and_compare(zoo("lesson", (28, 28, 1)), model_format, tmp_path / "bundle")
        return
    export_and_compare(
        zoo("residual", (20, 48, 3), width=16),
        model_format,
        tmp_path / "bundle.zip",
        views=Views(mirrored=True, shift_pixels=1),
    )


def test_keras_opens_its_file_without_clearsight(tmp_path: Path, small_run: clearsight.Run) -> None:
    from clearsight.run.export.bundle import export_run

    path, _ = export_run(small_run, tmp_path / "bundle", model_format="keras")
    model = keras.saving.load_model(path / "model.keras")
    with np.load(path / "parity.npz", allow_pickle=False) as arrays:
        images, probabilities = arrays["images"], arrays["probabilities"]
    found = model.predict(images.astype("float32") / 255, verbose=0)
    np.testing.assert_allclose(found, probabilities, atol=1e-5)
