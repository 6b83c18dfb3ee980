"""What commands leave behind, and whom they call: nothing but documented files, and nobody."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import clearsight
from clearsight.data.splits.splits import Splits
from support.command_line import TIMEOUT_SECONDS, run_cli
from support.server_process import COMMAND, png_of, serving

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


@pytest.mark.slow
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
        "export", str(small_run.path), "--format", "openvino", "--out", out, HOME=str(home)
    )
    assert done.returncode == 0, done.stderr
    assert [name for name in files_in(home) if not name.startswith(ALLOWED)] == []


# ONNX Runtime would upload its events ten seconds after it starts.
SERVE = f"""
{COMMAND} serve m=run/bundle --port 8000 & server=$!
{sys.executable} - <<'PROGRAM'
import time, urllib.request
for attempt in range(150):
    time.sleep(0.1)
    try:
        urllib.request.urlopen("http://127.0.0.1:8000/healthz")
        break
    except OSError:
        pass
image = open("0.png", "rb").read()
url = "http://127.0.0.1:8000/v1/models/m:predict"
headers = {{"Content-Type": "image/png"}}
assert urllib.request.urlopen(urllib.request.Request(url, image, headers)).status == 200
time.sleep(12)
PROGRAM
kill $server; wait $server
"""
LOOK_UP = "import socket; socket.getaddrinfo('example.org', 80)"
CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80))"


@pytest.fixture
def run_alone(home: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs a program without a network, and returns what it tried to reach and its exit code."""
    if shutil.which("unshare") is None or os.geteuid():
        pytest.skip("a network namespace needs Linux and root")
    support = Path(__file__).parents[1] / "support" / "lonely_network.py"
    record = tmp_path / "record.json"
    (tmp_path / "temporary").mkdir()

    def run(*program: str | Path) -> dict[str, Any]:
        done = subprocess.run(
            ["unshare", "--net", "--mount", sys.executable, support, record, *program],
            capture_output=True, text=True, cwd=tmp_path, timeout=TIMEOUT_SECONDS, check=False,
            env={**os.environ, "HOME": str(home), "TMPDIR": str(tmp_path / "temporary")},
        )  # fmt: skip
        if not record.exists():
            pytest.skip(f"this system allows no network namespace: {done.stderr[-200:]}")
        found = json.loads(record.read_text()) | {"code": done.returncode}
        record.unlink()
        return found

    return run


def test_what_a_program_tries_to_reach_is_noticed(run_alone: Callable[..., dict[str, Any]]) -> None:
    assert "example.org" in run_alone(sys.executable, "-c", LOOK_UP)["names"]
    assert run_alone(sys.executable, "-c", CONNECT)["unreachable"] > 0


@pytest.mark.slow
def test_no_command_calls_anybody_or_writes_elsewhere(
    run_alone: Callable[..., dict[str, Any]], home: Path, tmp_path: Path, image: Path
) -> None:
    nobody = {"names": [], "unreachable": 0, "code": 0}
    train = (COMMAND, "train", "digits", "--epochs", "1", "--train-limit", "200", "--out", "run")
    assert run_alone(*train) == nobody
    assert run_alone(COMMAND, "predict", "run", image) == nobody
    assert run_alone(COMMAND, "evaluate", "run") == nobody
    assert run_alone(COMMAND, "report", "run") == nobody
    assert run_alone("sh", "-c", SERVE) == nobody
    assert [name for name in files_in(home) if not name.startswith(ALLOWED)] == []
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"home", "temporary", "run", "0.png"}
    assert list((tmp_path / "temporary").iterdir()) == []
