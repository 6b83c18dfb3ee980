"""A bundle gives the trained network's probabilities, or its check fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import clearsight
from clearsight.bundle import parity
from clearsight.bundle.parity import check_parity
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import BundleError
from support.command_line import assert_refused, run_cli
from support.tampering import change_preparation, change_spec, update_hashes


def test_a_bundle_replays_its_images(small_bundle: clearsight.Bundle) -> None:
    result = check_parity(small_bundle)
    assert result.num_images == 64
    assert result.largest_difference < 1e-5
    assert "64 images replayed" in result.sentence


def test_the_images_are_validation_images(
    small_run: clearsight.Run, small_bundle: clearsight.Bundle
) -> None:
    with np.load(small_bundle.path / "parity.npz", allow_pickle=False) as arrays:
        images, probabilities = arrays["images"], arrays["probabilities"]
    train, _ = clearsight.load_data("fashion-mnist")
    held_out = {image.tobytes() for image in train.images[400:500]}
    assert len(images) == 64
    assert all(image.tobytes() in held_out for image in images)
    expected = small_run.predict(images).probabilities
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


def divide_by(bundle: Path, divisor: float) -> None:
    """Change the network's own scaling, and the preparation accordingly."""
    model = onnx.load(bundle / "model.onnx")
    found = 0
    for tensor in _constants(model):
        if tensor.dims == [] and numpy_helper.to_array(tensor) == 255:
            tensor.CopyFrom(numpy_helper.from_array(np.float32(divisor), tensor.name))
            found += 1
    assert found == 1
    onnx.save(model, bundle / "model.onnx")
    change_preparation(bundle, divisor=divisor)


def _constants(model: Any) -> list[Any]:
    of_nodes = [
        attribute.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
    ]
    return [*model.graph.initializer, *of_nodes]


def test_another_divisor_is_detected_even_if_all_hashes_match(copied: Path) -> None:
    divide_by(copied, 127.5)
    clearsight.load(copied)  # the files themselves are consistent
    done = run_cli("export", str(copied), "--check")
    assert_refused(done, "should give the trained network's probabilities within 0.0001, but they")
    assert done.stderr.count("\n") == 1


def test_a_divisor_that_differs_from_the_model_is_detected_on_opening(copied: Path) -> None:
    preparation = json.loads((copied / "bundle.json").read_text())["preparation"]
    change_spec(copied, preparation=preparation | {"divisor": 1.0})
    with pytest.raises(BundleError, match="should agree, but 'preparation' is"):
        clearsight.load(copied)


def test_another_way_of_resizing_is_detected(copied: Path) -> None:
    change_preparation(copied, resize="stretch")
    with pytest.raises(BundleError, match="should prepare images as in training"):
        check_parity(clearsight.load(copied))


def test_a_change_of_the_preparation_code_is_detected(
    small_bundle: clearsight.Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_was = Preparation.fit_image

    def darker(self: Preparation, image: np.ndarray, *, invert: bool = False) -> np.ndarray:
        return as_it_was(self, image, invert=invert) // 2

    monkeypatch.setattr(Preparation, "fit_image", darker)
    with pytest.raises(BundleError, match="the preparation changed in the bundle or in clearsight"):
        check_parity(small_bundle)


def test_swapped_weights_are_detected(copied: Path) -> None:
    model = onnx.load(copied / "model.onnx")
    weights = max(_constants(model), key=lambda tensor: np.prod(tensor.dims))
    array = numpy_helper.to_array(weights)
    weights.CopyFrom(numpy_helper.from_array(array[..., ::-1].copy(), weights.name))
    onnx.save(model, copied / "model.onnx")
    update_hashes(copied)
    with pytest.raises(BundleError, match=r"predictions change|differ by up to"):
        check_parity(clearsight.load(copied))


@pytest.mark.parametrize("wrong", ["pickle", "shape", "text"])
def test_invalid_parity_images_are_rejected(copied: Path, wrong: str) -> None:
    path = copied / "parity.npz"
    with np.load(path, allow_pickle=False) as arrays:
        values = dict(arrays)
    if wrong == "text":
        path.write_text("not arrays")
    else:
        images = values["images"]
        values["images"] = images[:, ::2] if wrong == "shape" else np.array([open], dtype=object)
        np.savez(path, **values)
    update_hashes(copied)
    with pytest.raises(BundleError, match=r"parity\.npz should hold images"):
        check_parity(clearsight.load(copied))


def test_a_bundle_that_fails_its_check_is_not_written(
    small_run: clearsight.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearsight.run.export.bundle import export_run

    monkeypatch.setitem(parity.TOLERANCES, "float32", -1.0)
    with pytest.raises(BundleError, match=f"{tmp_path / 'made'} should give"):
        export_run(small_run, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []
