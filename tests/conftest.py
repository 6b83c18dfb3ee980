"""What many tests share: real data, a small real run, and the command line as users have it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import clearsight
from clearsight.data.imageset import ImageSet, Splits

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def decoded_pictures_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests decode out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def fashion() -> tuple[ImageSet, ImageSet]:
    """All of Fashion-MNIST, fetched the way a user's first run fetches it."""
    train, test = clearsight.load_data("fashion-mnist")
    assert test is not None
    return train, test


@pytest.fixture(scope="session")
def small_fashion(fashion: tuple[ImageSet, ImageSet]) -> Splits:
    """The first 2,000 training and 500 test pictures."""
    train, test = fashion
    return Splits(train.first(2_000), test.first(500))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small real run on Fashion-MNIST, made through the command line."""
    folder = tmp_path_factory.mktemp("session") / "run"
    done = run_cli(
        "train", "fashion-mnist", "--epochs", "2", "--train-limit", "3000", "--test-limit", "500",
        "--out", str(folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_cli


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``clearsight`` as its own process and return what it printed and its exit code."""
    return subprocess.run(
        [Path(sys.executable).with_name("clearsight"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """Check that wrong input got one sentence on stderr, exit code 2 and no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr
    assert done.stdout == ""
