"""What commands leave behind in a user's home: nothing but clearsight's and Keras's own files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import clearsight
from clearsight.data.splits.splits import Splits
from support.command_line import TIMEOUT_SECONDS, run_cli
from support.server_process import png_of, serving

# Documented in SECURITY.md.
ALLOWED = (".cache/clearsight/", ".local/share/clearsight/", ".keras/keras.json")
VARIABLES = ("ORT_DISABLE_TELEMETRY", "CLEARSIGHT_CACHE", "CLEARSIGHT_DATA", "KERAS_HOME",
             "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, for processes that inherit nothing that would keep it empty."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def image(tmp_path: Path, small_fashion: Splits) -> Path:
    """A real image file."""
    path = tmp_path / "0.png"
    path.write_bytes(png_of(small_fashion.train.images[0, ..., 0]))
    return path


def files_in(home: Path) -> list[str]:
    return [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]


def test_predicting_with_a_bundle_leaves_nothing(
    home: Path, small_bundle: clearsight.Bundle, image: Path
) -> None:
    done = run_cli("predict", str(small_bundle.path), str(image), HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []


def test_a_home_that_cannot_be_written_is_no_problem(
    home: Path, small_bundle: clearsight.Bundle, image: Path
) -> None:
    (home / "file").touch()
    below_a_file = str(home / "file" / "none")
    done = run_cli("predict", str(small_bundle.path), str(image), HOME=below_a_file)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_leaves_nothing(home: Path, small_bundle: clearsight.Bundle, image: Path) -> None:
    arguments = (f"m={small_bundle.path}", "--drain-seconds", "0")
    with serving(*arguments, HOME=str(home)) as server:
        url = f"{server.url}/v1/models/m:predict"
        content = image.read_bytes()
        answer = httpx.post(url, content=content, headers={"Content-Type": "image/png"})
        assert answer.status_code == 200, answer.text
        assert server.stop() == 0
    assert list(home.iterdir()) == []


def test_training_exporting_and_evaluating_leave_only_documented_files(
    home: Path, tmp_path: Path
) -> None:
    """In one process, so that Keras is imported once; nothing there has set a variable before."""
    run = str(tmp_path / "run")
    commands = [
        ["train", "digits", "--epochs", "1", "--train-limit", "200", "--no-report", "--out", run],
        ["export", run, "--int8", "--allow-loss"],
        ["evaluate", run],
    ]
    program = (
        f"from clearsight.cli.main import app\nfor command in {commands!r}:\n"
        "    app(command, standalone_mode=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home)},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(run, "bundle-int8").is_dir()
    assert [name for name in files_in(home) if not name.startswith(ALLOWED)] == []


def test_openvino_leaves_nothing(home: Path, small_run: clearsight.Run, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    out = str(tmp_path / "openvino")
    done = run_cli(
        "export", str(small_run.path), "--format", "openvino", "--to", out, HOME=str(home)
    )
    assert done.returncode == 0, done.stderr
    assert [name for name in files_in(home) if not name.startswith(ALLOWED)] == []
