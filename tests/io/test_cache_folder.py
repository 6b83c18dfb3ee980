"""Everything that is cached is in one folder, which the user may choose."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from support.command_line import BARE, run_cli

SOURCE = Path(clearsight.__file__).parent
# What writes to the cache. A new one goes through `cache_folder` too, and is listed here.
WRITERS = {
    "bundle/web/runtime.py",  # ONNX Runtime Web
    "data/decoding/cache.py",  # decoded images
    "data/sources/fashion_mnist.py",  # downloaded files
    "models/backbones/cached_weights.py",  # pretrained weights
    "report/vega.py",  # Vega-Lite
}
# What may know folders of the user's without `cache_folder`.
KNOWING = {
    "cli/completion.py",  # installs into the startup files of shells
    "io/cache_folder.py",
    "data/sources/fashion_mnist.py",  # reads Keras's cache
    "models/backbones/keras_weights.py",  # finds what Keras has downloaded
    "run/test_set/ledger.py",  # is no cache: its folder is $CLEARSIGHT_DATA
}


def test_every_writer_asks_for_the_cache_folder() -> None:
    callers, knowing = set(), set()
    for path in SOURCE.rglob("*.py"):
        name, text = path.relative_to(SOURCE).as_posix(), path.read_text("utf-8")
        if re.search(r"platformdirs|expanduser|Path\.home|XDG_CACHE", text):
            knowing.add(name)
        calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        if any(isinstance(each, ast.Name) and each.id == "cache_folder" for each in calls):
            callers.add(name)
    assert callers == WRITERS
    assert knowing <= KNOWING


@pytest.mark.parametrize("home", ["empty", "missing"])
def test_commands_write_nothing_outside_the_chosen_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for label in "ab":
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng([number, ord(label)]).integers(
                0, 255, (16, 16), np.uint8
            )
            Image.fromarray(pixels).save(tmp_path / "set" / label / f"{number}.png")
    if home == "empty":
        (tmp_path / home).mkdir()
    folders = {
        name: str(tmp_path / name.lower()) for name in ("CLEARSIGHT_CACHE", "CLEARSIGHT_DATA")
    }
    environment = {**folders, "HOME": str(tmp_path / home) if home == "empty" else "/proc/none"}
    environment |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), "")
    images = str(tmp_path / "set")
    commands = [["data", "show", images], ["data", "check", images, "--quick"]]
    if home == "empty":
        out = str(tmp_path / "run")
        commands.append(["train", images, "--epochs", "1", *BARE, "--out", out])
    for command in commands:
        done = run_cli(*command, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "none" not in done.stderr
    cached = {path.name for path in (tmp_path / "clearsight_cache").iterdir()}
    assert cached == {"decoded"}
    if home == "empty":
        # Keras writes its default settings there itself.
        assert {path.name for path in (tmp_path / home).rglob("*")} <= {".keras", "keras.json"}
