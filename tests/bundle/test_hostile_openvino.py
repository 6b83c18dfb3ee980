"""An OpenVINO bundle from a stranger: OpenVINO's own file, without loops, of bounded size."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.errors import BundleError
from clearsight.run.export.bundle import export_run
from support.hostile_models import NOT_ONLY_A_NETWORK, changed
from support.tampering import update_hashes

pytest.importorskip("openvino")
from clearsight.bundle.formats.without_telemetry import import_openvino

openvino = import_openvino()
IMAGES = np.zeros((40, 28, 28, 1), np.uint8)


@pytest.fixture(scope="module")
def good(small_run: clearsight.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openvino") / "bundle"
    return export_run(small_run, path, model_format="openvino")[0]


@pytest.fixture
def bundle(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "bundle"))


def constant(value: Any, dtype: type = np.int64) -> Any:
    return openvino.opset13.constant(np.array(value, dtype))


def huge(before: Any) -> Any:
    opset = openvino.opset13
    values = opset.broadcast(constant(1, np.float32), constant([10**13]))
    return opset.add(before, opset.reduce_mean(values, constant([0]), False))


def attentive(before: Any) -> Any:
    """Scores of each of 64,000 positions for each other one, of which the result tells nothing."""
    opset = openvino.opset13
    values = opset.tile(opset.unsqueeze(before, constant([1, 3])), constant([1, 1, 6_400, 1]))
    found = opset.scaled_dot_product_attention(values, values, values)
    return opset.add(before, opset.reduce_mean(found, constant([1, 2]), False))


def summed(before: Any) -> Any:
    opset = openvino.opset13
    values = opset.tile(before, constant([1, 6_400]))
    found = opset.einsum([values, values, values], "bi,bj,bk->b")
    return opset.add(before, opset.unsqueeze(found, constant([1])))


def endless(before: Any) -> Any:
    opset = openvino.opset13
    given = opset.parameter([-1, 10], np.float32)
    body = openvino.Model([constant(True, bool).output(0), opset.relu(given).output(0)], [given])
    loop = opset.loop(constant(-1), constant(True, bool))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 0])
    result = body.get_results()[1].output(0)
    loop.set_merged_input(given, before, result)
    return opset.relu(loop.get_iter_value(result))


def dependent(before: Any) -> Any:
    opset = openvino.opset13
    found = opset.reduce_sum(opset.non_zero(before), constant([0, 1]), False)
    return opset.add(before, opset.convert(found, "f32"))


def slow(before: Any) -> Any:
    opset = openvino.opset13
    square = opset.broadcast(constant(1, np.float32), constant([2_800, 2_800]))
    values = square
    for _ in range(100):
        values = opset.matmul(values, square, False, False)
    return opset.add(before, opset.reduce_mean(values, constant([0, 1]), False))


def for_some_batches(before: Any) -> Any:
    opset = openvino.opset13
    count = opset.gather(opset.shape_of(before), constant([0]), constant(0))
    count = opset.subtract(count, constant([1]))
    for _ in range(3):
        count = opset.multiply(count, count)
    zeros = opset.broadcast(constant(0, np.float32), count)
    return opset.add(before, opset.reduce_sum(zeros, constant([0]), False))


def extend(bundle: Path, extension: Callable[[Any], Any]) -> None:
    """Save the network with operations behind its last one."""
    graph, weights = bundle / "model.xml", bundle / "model.bin"
    model = openvino.Core().read_model(graph.read_bytes(), weights.read_bytes())
    last = extension(model.get_results()[0].input_value(0))
    last.output(0).set_names({"probabilities"})
    extended = openvino.Model([last.output(0)], model.get_parameters(), "extended")
    openvino.save_model(extended, graph, compress_to_fp16=False)
    update_hashes(bundle)


def test_a_good_bundle_is_opened_and_predicts_any_number(bundle: Path) -> None:
    opened = clearsight.load(bundle)
    for count in (1, 7, 40):
        assert opened.probabilities(IMAGES[:count]).shape == (count, 10)


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        (huge, "would take 10,000,0"),
        (attentive, "would take 4,096,"),
        (summed, "multiplications, more than a classifier"),
        (endless, "operation Loop"),
        (dependent, "shape of its NonZero depends"),
        (slow, "multiplications, more than a classifier"),
    ],
)
def test_what_takes_too_much_is_not_opened(
    bundle: Path, extension: Callable[[Any], Any], expected: str
) -> None:
    extend(bundle, extension)
    with pytest.raises(BundleError, match=f"that OpenVINO runs, but cannot be loaded .*{expected}"):
        clearsight.load(bundle)


def test_what_grows_faster_than_a_batch_is_not_run(bundle: Path) -> None:
    extend(bundle, for_some_batches)
    opened = clearsight.load(bundle)
    assert opened.probabilities(IMAGES[:1]).shape == (1, 10)
    with pytest.raises(BundleError, match="should classify 40 images, but fails"):
        opened.probabilities(IMAGES)


@pytest.mark.parametrize("start", [b"", b" ", b'<?xml version="1.0"?>\n<!DOCTYPE net><net '])
def test_another_format_in_its_place_is_not_opened(
    small_bundle: clearsight.Bundle, bundle: Path, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO opens ONNX too, and reads the files that it refers to."""
    (bundle / "secret").write_bytes(bytes(10))
    monkeypatch.chdir(bundle)
    content = (small_bundle.path / "model.onnx").read_bytes()
    change, _ = NOT_ONLY_A_NETWORK["weights in another file"]
    (bundle / "model.xml").write_bytes(start + changed(content, change))
    update_hashes(bundle)
    with pytest.raises(BundleError, match="it does not begin as OpenVINO writes it"):
        clearsight.load(bundle)
