"""A bundle's ``model.onnx`` from a stranger: it classifies images, or is not opened."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

import clearsight
from clearsight.errors import BundleError
from support.command_line import assert_refused, run_cli
from support.hostile_models import (
    FOR_SOME_BATCHES,
    NO_PROBABILITIES,
    NOT_ONLY_A_NETWORK,
    TOO_LARGE,
    Change,
    changed,
)
from support.limited_memory import limited_memory
from support.tampering import update_hashes

IMAGES = np.zeros((40, 28, 28, 1), np.uint8)


@pytest.fixture(autouse=True)
def a_gigabyte() -> Iterator[None]:
    with limited_memory(2**30):
        yield


def change_model(bundle: Path, change: Change) -> None:
    path = bundle / "model.onnx"
    path.write_bytes(changed(path.read_bytes(), change))
    update_hashes(bundle)


@pytest.mark.parametrize("name", NOT_ONLY_A_NETWORK)
def test_a_file_that_is_more_than_a_network_is_not_opened(
    copied: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "secret").write_bytes(bytes(10))
    monkeypatch.chdir(copied)
    change, expected = NOT_ONLY_A_NETWORK[name]
    change_model(copied, change)
    with pytest.raises(BundleError, match=f"should be a network that clearsight wrote.*{expected}"):
        clearsight.load(copied)


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_network_that_takes_too_much_is_not_opened(copied: Path, name: str) -> None:
    change_model(copied, TOO_LARGE[name])
    started = time.monotonic()
    with pytest.raises(BundleError, match="more than a classifier of images"):
        clearsight.load(copied)
    assert time.monotonic() - started < 10


def test_what_grows_faster_than_a_batch_is_not_run(copied: Path) -> None:
    change_model(copied, FOR_SOME_BATCHES)
    bundle = clearsight.load(copied)
    assert bundle.probabilities(IMAGES[:1]).shape == (1, 10)
    with pytest.raises(BundleError, match="should take batches of 40 images, but its"):
        bundle.probabilities(IMAGES)


@pytest.mark.parametrize("name", NO_PROBABILITIES)
def test_what_is_no_probability_is_no_prediction(copied: Path, name: str) -> None:
    change, expected = NO_PROBABILITIES[name]
    change_model(copied, change)
    bundle = clearsight.load(copied)
    with pytest.raises(BundleError, match=f"should return probabilities, .*{expected}"):
        bundle.predict(IMAGES)


def test_an_operation_that_fails_is_one_sentence(
    copied: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its indices are outside, which only running it shows."""
    from support.hostile_models import add_operations

    change_model(
        copied,
        add_operations(
            lambda before, output: [
                onnx.helper.make_node("Gather", [before, "far"], ["gathered"], axis=1),
                onnx.helper.make_node("Add", [before, "gathered"], [output]),
            ],
            far=np.array([99]),
        ),
    )
    with pytest.raises(BundleError, match=r"classify 40 images, but fails|cannot be loaded"):
        clearsight.load(copied).probabilities(IMAGES)
    assert capfd.readouterr().err == ""  # ONNX Runtime would log the names in the file


def test_a_file_of_another_format_within_an_onnx_file_is_not_opened(copied: Path) -> None:
    """ONNX Runtime would take one that has ORTM at the fifth byte for its own format."""
    path = copied / "model.onnx"
    marked = b"\x12\x84\x80\x00ORTM"  # the producer's name, of 4 bytes
    model = onnx.load(path)
    model.ClearField("producer_name")
    path.write_bytes(marked + model.SerializeToString())
    update_hashes(copied)
    images = IMAGES[:3]
    expected = clearsight.load(copied).probabilities(images)  # as ONNX, which it is too
    assert expected.shape == (3, 10)


@pytest.mark.parametrize("command", ["predict", "export --check", "export --web"])
def test_every_command_refuses_it_in_one_sentence(
    copied: Path, tmp_path: Path, command: str
) -> None:
    from PIL import Image

    change_model(copied, NOT_ONLY_A_NETWORK["weights in another file"][0])
    Image.fromarray(IMAGES[0, :, :, 0]).save(tmp_path / "image.png")
    words = {
        "predict": ["predict", str(copied), str(tmp_path / "image.png")],
        "export --check": ["export", str(copied), "--check"],
        "export --web": ["export", str(copied), "--web", "--out", str(tmp_path / "page")],
    }[command]
    done = run_cli(*words)
    assert_refused(done, "are in another file, which is never read")
    assert done.stderr.count("\n") == 1


def test_a_message_shows_no_control_characters_of_the_file(copied: Path) -> None:
    def rename(model: onnx.ModelProto) -> None:
        model.graph.node[0].op_type = "Evil\x1b[2J\n" + "x" * 100_000

    change_model(copied, rename)
    with pytest.raises(BundleError) as caught:
        clearsight.load(copied)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000 + len(os.fspath(copied))
    assert re.search(r"Evil", str(caught.value))
