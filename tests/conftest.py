"""What many tests share: real data, a small real run, and the command line as users have it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from support.command_line import Cli, run_cli
from support.figures import ReportFigure

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The same examples every time, however busy the machine is.
settings.register_profile("clearsight", derandomize=True, deadline=None)
settings.load_profile("clearsight")

# Before torch loads: threads that wait for work would otherwise keep the cores busy, and processes
# that run side by side would wait for one another for minutes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.pop("COLUMNS", None)  # which readline sets for a process that pytest starts
# Background jobs of a shell, and of nohup, ignore these, and so do the processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch loads: processes that each take all cores mostly wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def report_figure(record_property: Callable[[str, object], None]) -> ReportFigure:
    """Record a measured figure, to be printed at the end of pytest's output."""
    return lambda sentence: record_property("figure", sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests reported, whichever process they ran in."""
    reports = [
        each for state in ("passed", "failed") for each in terminalreporter.getreports(state)
    ]
    figures = [
        (report.nodeid, value)
        for report in reports
        for name, value in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
    for test, sentence in figures:
        terminalreporter.write_line(f"{test.split('::')[-1]}: {sentence}")


@pytest.fixture(scope="session", autouse=True)
def folders_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests decode and record out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("CLEARSIGHT_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def fashion() -> tuple[ImageSet, ImageSet]:
    """All of Fashion-MNIST, fetched the way a user's first run fetches it."""
    train, test = clearsight.load_data("fashion-mnist")
    assert test is not None
    return train, test


@pytest.fixture(scope="session")
def small_fashion(fashion: tuple[ImageSet, ImageSet]) -> Splits:
    """The first 2,000 training and 500 test images."""
    train, test = fashion
    return Splits(train.first(2_000), test.first(500))


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small_fashion: Splits) -> clearsight.Run:
    """A lesson's network trained for one epoch on 500 images."""
    return clearsight.train(
        "fashion-mnist",
        epochs=1,
        train_limit=500,
        test_limit=100,
        out=tmp_path_factory.mktemp("bundle") / "run",
        report=False,
        verbose=False,
    )


@pytest.fixture(scope="session")
def small_bundle(small_run: clearsight.Run) -> clearsight.Bundle:
    """The bundle of that run."""
    from clearsight.run.export.bundle import export_run

    path, _ = export_run(small_run)
    return clearsight.load(path)


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


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of one epoch with its bundle; whoever changes it copies it."""
    out = tmp_path_factory.mktemp("digits") / "run"
    clearsight.train("digits", epochs=1, out=out, report=False, verbose=False)
    return out


@pytest.fixture(scope="session")
def digits_run_of_two_epochs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of two epochs, without a bundle."""
    out = tmp_path_factory.mktemp("digits") / "run"
    clearsight.train("digits", epochs=2, out=out, report=False, bundle=False, verbose=False)
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium: closed with each file, because its event loop allows no other one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("there is no Chromium: `playwright install chromium` gets one")
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *camera])
        yield chromium
        chromium.close()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_cli


@pytest.fixture
def small_disks(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes real filesystems that hold so many bytes."""
    places: list[Path] = []

    def make(size_bytes: int) -> Path:
        place = tmp_path / f"disk {len(places)}"
        place.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(place)]
        if shutil.which("mount") is None:
            pytest.skip("this system has no mount")
        if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
            pytest.skip("mounting a tmpfs needs root")
        places.append(place)
        return place

    yield make
    for place in places:
        subprocess.run(["umount", str(place)], check=True)
