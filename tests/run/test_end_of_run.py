"""A run that is stopped or killed after its last epoch: what is there, and how it is completed."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.location import is_not_started
from clearsight.run.store.lock import is_locked, lock_run
from support.command_line import BARE, assert_refused, run_cli
from support.figures import ReportFigure
from support.training_processes import begin_command

DIGITS = ("train", "digits", "--epochs", "1")


def leftovers(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]


def has_status(out: Path, status: str) -> bool:
    path = out / "run.json"
    return path.is_file() and json.loads(path.read_text())["status"] == status


def send(number: int, process: BaseProcess, when: Callable[[], bool]) -> None:
    """Send a signal as soon as a condition holds, and wait for the process to end."""
    while not when():
        assert process.is_alive()
        time.sleep(0.002)
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join(60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_bundle_is_written(number: signal.Signals, tmp_path: Path) -> None:
    """The run is finished, and the message says how to write what is missing."""
    out, printed = tmp_path / "run", tmp_path / "printed"
    process = begin_command([*DIGITS, "--out", str(out)], printed)
    send(number, process, lambda: any(out.glob(".bundle-*")))
    text = printed.read_text()
    assert process.exitcode == 128 + number, text
    assert "Traceback" not in text
    assert has_status(out, "finished")
    assert clearsight.Run.load(out).results.test_count == 359
    assert not leftovers(out)
    assert "bundle and report.html are missing" in text
    commands = text.rpartition("Write what is missing with: ")[2].split(" && ")
    assert [shlex.split(command) for command in commands] == [
        ["clearsight", "export", str(out)],
        ["clearsight", "report", str(out)],
    ]
    if number == signal.SIGTERM:
        for command in commands:
            done = run_cli(*shlex.split(command)[1:])
            assert done.returncode == 0, done.stderr
        assert (out / "bundle" / "bundle.json").is_file()
        assert (out / "report.html").is_file()


@pytest.mark.slow
def test_a_signal_in_the_evaluation(tmp_path: Path) -> None:
    """Resuming evaluates the run, and trains no epoch again."""
    out, printed = tmp_path / "run", tmp_path / "printed"
    train = ("train", "fashion-mnist", "--epochs", "1", "--train-limit", "500", *BARE)
    process = begin_command([*train, "--out", str(out)], printed)
    send(signal.SIGTERM, process, (out / "model.keras").exists)
    text = printed.read_text()
    assert process.exitcode == 143, text
    assert "Interrupted in the evaluation. The trained network is saved in" in text
    assert f"clearsight train --resume {out}, which evaluates it without training again" in text
    assert has_status(out, "interrupted")
    history = (out / "history.csv").read_text()
    refused = run_cli("export", str(out))
    assert_refused(refused, "all its epochs are trained, and resuming it only evaluates it")
    done = run_cli("train", "--resume", str(out), *BARE)
    assert done.returncode == 0, done.stderr
    assert "it is evaluated now, without training again" in done.stdout
    assert (out / "history.csv").read_text() == history
    assert clearsight.Run.load(out).results.test_count == 3_000
    assert has_status(out, "finished")


def test_a_resumed_run_is_no_longer_finished_when_its_process_dies(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = clearsight.train("digits", epochs=1, out=out, report=False, verbose=False)
    assert (run.path / "bundle").is_dir()
    resume = ["train", "--resume", str(out), "--epochs", "200", *BARE]
    process = begin_command(resume, tmp_path / "printed")
    send(signal.SIGKILL, process, lambda: not (out / "bundle").exists())
    assert has_status(out, "running")
    (listed,) = json.loads(run_cli("runs", "--folder", str(tmp_path), "--json").stdout)["runs"]
    assert (listed["state"], listed["why"]) == ("interrupted", "its process died")
    with pytest.raises(RunError, match="has no results"):
        _ = clearsight.Run.load(out).results


def test_commands_that_write_are_refused_while_another_one_writes(tmp_path: Path) -> None:
    out = tmp_path / "run"
    clearsight.train("digits", epochs=1, out=out, report=False, bundle=False, verbose=False)
    expected = f"Only one process should write to {out}, but process {os.getpid()} does already"
    check = ("data", "check", "digits", "--quick", "--out", str(out / "check.html"))
    with lock_run(out):
        for command in (("export", str(out)), ("report", str(out)), check):
            assert_refused(run_cli(*command), expected)
        predicted = run_cli("predict", str(out), "digits")
        assert predicted.returncode == 0, predicted.stderr
        assert run_cli("evaluate", str(out)).returncode == 0
    assert not leftovers(out)
    assert run_cli("export", str(out)).returncode == 0
    assert not is_locked(out)


def test_the_folder_of_a_process_that_died_before_it_trained_is_taken(tmp_path: Path) -> None:
    """It has no run.json yet; anything else in a folder keeps it from being taken."""
    out, options = tmp_path / "run", {"epochs": 1, "report": False, "bundle": False}
    run = clearsight.train("digits", out=out, verbose=False, **options)
    *_, name = sorted(path.name for path in run.folder.checkpoints_path.iterdir())
    for path in out.iterdir():
        if path.is_file():
            path.unlink()
    (out / "lock").touch()
    with pytest.raises(RunError, match="exists and is never overwritten"):
        clearsight.train("digits", out=out, verbose=False, **options)
    for path in (out / "checkpoints").iterdir():
        path.unlink()
    (out / "checkpoints" / re.sub("epochs-1", "epochs-0", name)).touch()
    assert clearsight.train("digits", out=out, verbose=False, **options).results.test_count == 359


@pytest.mark.parametrize(
    "name",
    [
        "checkpoints", "checkpoints/step500/weights", "checkpoints/weights", "checkpoints/.notes",
        "lock", "lock/key", ".hidden",
    ],
)  # fmt: skip
def test_a_folder_with_anything_else_is_not_taken(tmp_path: Path, name: str) -> None:
    out = tmp_path / "mine"
    path = out / name
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    with pytest.raises(RunError, match="exists and is never overwritten"):
        RunFolder.create(out, is_named=True)
    assert path.read_text() == "precious"


def check_every_command(out: Path) -> None:
    """Check that each command about a run gives its result, or one sentence and exit code 2."""
    listed = run_cli("runs", "--folder", str(out.parent), "--json")
    assert listed.returncode == 0, listed.stderr
    for run in json.loads(listed.stdout)["runs"]:
        assert run["state"] in ("interrupted", "finished"), run
    if not (out / "run.json").exists():
        assert is_not_started(out)
        return
    is_finished = has_status(out, "finished")
    for command in (
        ("report", str(out)),
        ("predict", str(out), "digits"),
        ("evaluate", str(out)),
        ("train", "--resume", str(out)),
        ("export", str(out)),
    ):
        done = run_cli(*command)
        assert done.returncode in (0, 2), done.stderr
        assert "Traceback" not in done.stdout + done.stderr, (command, done.stderr)
        if done.returncode == 2:
            assert len(re.findall("^clearsight: ", done.stderr, re.MULTILINE)) == 1, done.stderr
        if is_finished and command[0] != "train":
            assert done.returncode == 0, (command, done.stderr)
    assert has_status(out, "finished")
    assert (out / "bundle" / "bundle.json").is_file()
    assert not leftovers(out)


@pytest.mark.slow
def test_a_run_that_ended_at_a_random_moment_is_completed(
    tmp_path: Path, report_figure: ReportFigure
) -> None:
    """By SIGKILL or by a signal that lets it clean up, most of them after the last epoch."""
    draw, counts = random.Random(0), Counter[str]()
    numbers = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    out, printed, seconds = tmp_path / "runs" / "run", tmp_path / "printed", 0.0
    for attempt in range(4):
        process = begin_command([*DIGITS, "--out", str(out)], printed)
        while process.is_alive() and not out.exists():
            time.sleep(0.001)
        began, number = time.monotonic(), draw.choice(numbers)
        process.join(draw.uniform(0, seconds) if attempt else None)
        seconds = seconds or time.monotonic() - began  # how long the first one took
        if process.is_alive():
            os.kill(process.pid or 0, number)
        process.join()
        assert "Traceback" not in printed.read_text()
        if process.exitcode == 128 + number:
            assert not leftovers(out)
            assert not out.exists() or not has_status(out, "running")
        elif process.exitcode:
            assert process.exitcode == -signal.SIGKILL
            counts["killed"] += 1
        if out.exists():
            is_finished = has_status(out, "finished")
            counts["finished" if is_finished else "unfinished"] += 1
            counts["with leftovers"] += bool(leftovers(out))
            if is_finished:
                assert clearsight.Run.load(out).results.test_count == 359
            check_every_command(out)
            everything = ("--state", "finished", "--state", "interrupted", "--yes")
            pruned = run_cli("runs", "prune", "--folder", str(out.parent), *everything)
            assert pruned.returncode == 0, pruned.stderr
        shutil.rmtree(out, ignore_errors=True)
        printed.unlink()
    report_figure(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    assert counts["finished"] + counts["unfinished"] > 2
