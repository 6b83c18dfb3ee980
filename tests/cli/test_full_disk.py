"""Every command on a full disk: one sentence, exit code 2, and nothing half written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from support.command_line import BARE, run_cli
from support.disks import fill
from support.training_processes import begin_command

CLEARSIGHT = str(Path(sys.executable).with_name("clearsight"))


@pytest.fixture
def run(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(digits_run, tmp_path_factory.mktemp("copy") / "run"))


@pytest.fixture
def disk(small_disks: Callable[[int], Path]) -> Path:
    """A disk with 4 KB of free space."""
    disk = small_disks(1_000_000)
    fill(disk / "filler")
    with (disk / "filler").open("rb+") as file:
        file.truncate((disk / "filler").stat().st_size - 4_096)
    return disk


def assert_full(done: subprocess.CompletedProcess[str], disk: Path) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    sentence = done.stderr.strip().splitlines()[-1]
    assert sentence.startswith("clearsight: ")
    assert "the disk is full (No space left on device)" in sentence
    assert [path.name for path in disk.iterdir()] == ["filler"]


COMMANDS = {
    "export .zip": ("export", "RUN", "--out", "DISK/b.zip"),
    "export folder": ("export", "RUN", "--out", "DISK/b"),
    "predict csv": ("predict", "RUN", "digits:test", "--out", "DISK/p.csv"),
    "predict parquet": ("predict", "RUN", "digits:test", "--out", "DISK/p.parquet", "--top", "10"),
    "predict jsonl": ("predict", "RUN", "digits:test", "--out", "DISK/p.jsonl"),
    "predict table": ("predict", "RUN", "digits:test", "--out", "DISK/p.txt"),
    "predict json": ("predict", "RUN", "digits:test", "--out", "DISK/p.json", "--json"),
    "data show": ("data", "show", "digits", "--out", "DISK/s.png"),
    "data check": ("data", "check", "digits", "--quick", "--out", "DISK/c.html"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_sentence(run: Path, disk: Path, command: str) -> None:
    values = {"RUN": str(run)}
    words = [values.get(word, word.replace("DISK", str(disk))) for word in COMMANDS[command]]
    assert_full(run_cli(*words), disk)


def test_a_report_on_a_full_disk_is_one_sentence(run: Path, small_disks: Callable) -> None:
    disk = small_disks(8_000_000)
    shutil.copytree(run, disk / "run")
    fill(disk / "filler")
    before = sorted(disk.rglob("*"))
    done = run_cli("report", str(disk / "run"))
    assert done.returncode == 2, done.stderr
    assert "report.html cannot be written, because the disk is full" in done.stderr
    assert sorted(disk.rglob("*")) == before


def test_a_full_cache_has_its_own_remedy(
    tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(disk))
    done = run_cli("data", "show", str(tmp_path / "images"), "--out", str(tmp_path / "s.png"))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "the environment variable CLEARSIGHT_CACHE to another folder" in done.stderr
    assert not list((disk / "decoded").iterdir())


def run_into_full_disk(tmp_path: Path, *words: str) -> tuple[int | None, str]:
    """Run a command whose output goes to a full disk; return its exit code and its errors."""
    process = begin_command(list(words), Path("/dev/full"), tmp_path / "errors")
    process.join()
    return process.exitcode, (tmp_path / "errors").read_text()


@pytest.mark.parametrize("words", [("--help",), ("predict", "BUNDLE", "digits:test")])
def test_standard_output_on_a_full_disk_is_one_sentence(
    run: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, said = run_into_full_disk(
        tmp_path, *(str(run / "bundle") if word == "BUNDLE" else word for word in words)
    )
    assert code == 2
    assert said == (
        "clearsight: Standard output cannot be written, because the disk is full (No space left "
        "on device), so its end is missing: free some space on its disk and repeat the command, or "
        "write to another disk.\n"
    )


def test_a_training_whose_output_is_lost_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("train", "digits", "--epochs", "1", *BARE, "--out", str(out))
    code, said = run_into_full_disk(tmp_path, *words)
    assert code == 2
    assert "Standard output cannot be written" in said
    assert clearsight.Run.load(out).record.status == "finished"


@pytest.mark.slow
def test_a_limit_of_file_sizes_is_one_sentence(run: Path, tmp_path: Path) -> None:
    """Works without root, unlike small disks."""
    script = f'ulimit -f 8; exec "{CLEARSIGHT}" predict "$1" digits:test --out "$2"'
    done = subprocess.run(
        ["bash", "-c", script, "-", str(run), str(tmp_path / "p.csv")],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "a file may not grow so large (File too large): raise the limit" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_ledger_on_a_full_disk_is_a_warning(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(disk / "rest")
    monkeypatch.setenv("CLEARSIGHT_DATA", str(disk))
    done = run_cli("train", "digits", "--epochs", "1", *BARE, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert "No space left on device. Later runs will not count it" in done.stderr


def test_a_training_that_fills_the_disk_can_be_resumed(small_disks: Callable) -> None:
    disk = small_disks(60_000_000)
    out = disk / "run"
    train = ("train", "digits", "--epochs", "3", *BARE, "--out", str(out))

    has_ended = threading.Event()

    def fill_up() -> None:
        while not (has_ended.is_set() or list(out.glob("checkpoints/*.safetensors"))):
            time.sleep(0.002)
        fill(disk / "filler")

    filler = threading.Thread(target=fill_up)
    filler.start()
    done = run_cli(*train)
    has_ended.set()
    filler.join()
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
    (disk / "filler").unlink()
    done = run_cli("train", "--resume", str(out), *BARE)
    assert done.returncode == 0, done.stderr
    assert len(clearsight.Run.load(out).history) == 3
    assert not list(out.rglob(".*"))
