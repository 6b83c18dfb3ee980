"""Opening a bundle: what it predicts, and what it rejects."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.data.splits.splits import Splits
from clearsight.errors import BundleError, DataError
from clearsight.evaluation.scores.temperature import apply_temperature
from support.tampering import change_preparation, change_spec, update_hashes


def test_a_bundle_predicts_as_its_run(
    small_run: clearsight.Run, small_bundle: clearsight.Bundle, small_fashion: Splits
) -> None:
    assert small_fashion.test is not None
    images = small_fashion.test.images[:300]  # more than one batch
    expected = small_run.predict(images)
    found = small_bundle.predict(images)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    assert found.names == expected.names
    assert small_bundle.class_names == small_run.class_names


def test_images_may_be_paths_bytes_pillow_images_or_arrays(
    small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    content = io.BytesIO()
    image.save(content, "PNG")
    path = tmp_path / "a.png"
    forms = [path, str(path), content.getvalue(), image, pixels]
    of_all = small_bundle.predict(forms).probabilities
    assert of_all.shape == (5, 10)
    assert np.ptp(of_all, axis=0).max() < 1e-6
    for form in (path, str(path), content.getvalue(), image, pixels[None]):
        alone = small_bundle.predict(form).probabilities
        np.testing.assert_allclose(alone, of_all[:1], atol=1e-6)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.zeros((2, 28, 28, 1)), "but are float64"),
        (np.zeros((28, 28), np.uint8), "but have shape"),
        (np.zeros((2, 28, 28), np.uint8), "without a channel axis"),
        (np.zeros((0, 28, 28, 1), np.uint8), "at least one image"),
        ([], "at least one image"),
        ([3], "but is 3"),
        (["no such file.png"], "there is no such file"),
        ([np.zeros((4, 4), np.uint8)], "Image 0 should be uint8"),
    ],
    ids=str,
)
def test_invalid_images_raise_a_clear_error(
    small_bundle: clearsight.Bundle, images: Any, expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        small_bundle.predict(images)


def test_a_temperature_changes_probabilities_but_no_prediction(
    small_bundle: clearsight.Bundle, small_fashion: Splits
) -> None:
    images = small_fashion.train.images[:100]
    plain, scaled = small_bundle.predict(images), small_bundle.predict(images, temperature=True)
    assert small_bundle.spec.temperature is not None
    expected = apply_temperature(plain.probabilities, small_bundle.spec.temperature)
    np.testing.assert_allclose(scaled.probabilities, expected, atol=1e-6)
    assert scaled.names == plain.names
    assert not np.allclose(scaled.probabilities, plain.probabilities, atol=1e-4)


def test_a_bundle_without_temperature_raises(copied: Path) -> None:
    import onnx

    change_spec(copied, temperature=None)
    model = onnx.load(copied / "model.onnx")
    entry = next(row for row in model.metadata_props if row.key == "clearsight.temperature")
    entry.value = "null"
    onnx.save(model, copied / "model.onnx")
    update_hashes(copied)
    with pytest.raises(BundleError, match="has none, because its run fitted none"):
        clearsight.load(copied).predict(np.zeros((1, 28, 28, 1), np.uint8), temperature=True)


def test_a_changed_file_is_detected(copied: Path) -> None:
    content = bytearray((copied / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copied / "model.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"model\.onnx should have SHA-256 .* it was changed"):
        clearsight.load(copied)


@pytest.mark.parametrize("name", ["model.onnx", "parity.npz", "README.md", "bundle.json"])
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_missing_file_is_reported(copied: Path, name: str, form: str) -> None:
    (copied / name).unlink()
    path = copied if form == "folder" else Path(shutil.make_archive(str(copied), "zip", copied))
    with pytest.raises(BundleError, match=re.escape(name)):
        clearsight.load(path)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format_version": 2}, "should have format version 1, but has 2"),
        ({"format": "onyx"}, "Did you mean 'onnx'"),
        ({"class_names": ["a", "b"]}, "should map images .* but maps"),
        ({"class_names": [str(k) for k in range(10)]}, "'class_names' is .* in one and"),
        ({"class_names": 7}, "should describe a bundle, but is damaged"),
        ({"temperature": -1}, "should be a number above 0"),
        ({"preparation": {"height": 28}}, "A preparation should have the entries"),
        ({"files": {"../model.onnx": {"sha256": "", "size_bytes": 1}}}, "name of a file in"),
        ({"files": {}}, r"should hold model\.onnx, but its bundle\.json does not list it"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_an_invalid_spec_is_rejected(copied: Path, changes: dict[str, Any], expected: str) -> None:
    change_spec(copied, **changes)
    with pytest.raises(BundleError, match=expected):
        clearsight.load(copied)


def test_a_preparation_of_another_version_is_rejected(copied: Path) -> None:
    change_preparation(copied, version=2)
    with pytest.raises(BundleError, match="should be of version 1, but is of version 2"):
        clearsight.load(copied)


def test_a_model_file_that_is_not_a_network_is_rejected(copied: Path) -> None:
    (copied / "model.onnx").write_bytes(b"not a network")
    update_hashes(copied)
    with pytest.raises(BundleError, match=r"model\.onnx should be a network that clearsight wrote"):
        clearsight.load(copied)


@pytest.mark.parametrize("is_in_folder", [False, True])
def test_a_zip_is_read_without_unpacking(
    small_bundle: clearsight.Bundle, tmp_path: Path, is_in_folder: bool
) -> None:
    root = small_bundle.path.parent if is_in_folder else small_bundle.path
    base = "bundle" if is_in_folder else None
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root, base))
    images = np.zeros((2, 28, 28, 1), np.uint8)
    found = clearsight.load(path).predict(images).probabilities
    assert np.array_equal(found, small_bundle.predict(images).probabilities)
    assert [file.name for file in tmp_path.iterdir()] == ["packed.zip"]


def test_a_zip_bomb_is_not_read_whole(copied: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in copied.iterdir():
            bomb = bytes(50_000_000) if file.name == "README.md" else file.read_bytes()
            archive.writestr(file.name, bomb)
    with pytest.raises(BundleError, match=r"README\.md should have SHA-256"):
        clearsight.load(tmp_path / "bomb.zip")


def test_paths_without_a_bundle_raise_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("not an archive")
    for path, expected in (
        (tmp_path, r"has no bundle\.json"),
        (tmp_path / "absent", "does not exist"),
        (tmp_path / "text.zip", "cannot be read as one"),
    ):
        with pytest.raises(BundleError, match=expected):
            clearsight.load(path)


def test_the_model_file_alone_has_all_metadata(small_bundle: clearsight.Bundle) -> None:
    """model.onnx holds class names, preparation and temperature, but no path of this machine."""
    import onnx

    model = onnx.load(small_bundle.path / "model.onnx")
    said = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert said["clearsight.class_names"] == list(small_bundle.class_names)
    assert said["clearsight.preparation"] == small_bundle.preparation.to_json()
    assert said["clearsight.temperature"] == small_bundle.spec.temperature
    assert said["clearsight.temperature_applied"] is False
    assert str(Path.cwd()).encode() not in model.SerializeToString()
    (given,) = model.graph.input
    assert [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim] == [
        "N", 28, 28, 1,
    ]  # fmt: skip
