"""Runs killed with SIGKILL at random moments end with exactly the weights of uninterrupted runs."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from dataclasses import astuple
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

import clearsight
from clearsight.training.checkpoint.checkpoint import read_newest_checkpoint
from support.figures import ReportFigure
from support.training_processes import begin, wait_for

SMALL = {"train_limit": 1500, "test_limit": 100, "epochs": 3, "checkpoint_minutes": 0.0005}
QUICK = {**SMALL, "train_limit": 500, "epochs": 2, "checkpoint_minutes": 0.0}
KINDS: dict[str, dict[str, Any]] = {
    "lesson": {
        **SMALL,
        "checkpoint_minutes": 0.0,
    },  # so that a checkpoint is being written nearly always
    "float32": {**SMALL, "precision": "float32"},
    "dropout": {**SMALL, "model_arguments": {"dropout": 0.4}},
    # Muon, a schedule, flipped and translated images, smoothed labels, batch normalization.
    "strong": {**SMALL, "recipe": "strong", "train_limit": 1000},
    "keras": {**SMALL, "engine": "keras", "train_limit": 600},
}


def final_state(out: Path) -> dict[str, torch.Tensor]:
    """Everything that the last checkpoint holds: weights, optimizer, random generators.

    Tensors are identified by part and index, because a rebuilt network numbers its layers again.
    """
    checkpoint = read_newest_checkpoint(out / "checkpoints").checkpoint
    assert checkpoint is not None
    random_states = {
        f"random.{key}": value for key, value in checkpoint.random_state.tensors.items()
    }
    tensors = {**checkpoint.tensors, **random_states}
    return {".".join(name.split(".")[:2]): tensor for name, tensor in tensors.items()}


def assert_same_end(out: Path, expected: Path) -> None:
    run, other_run = clearsight.Run.load(out), clearsight.Run.load(expected)
    assert run.record.status == other_run.record.status == "finished"
    assert run.record.reproducible
    for epoch, other in zip(run.history, other_run.history, strict=True):
        assert astuple(epoch)[:5] == astuple(other)[:5]
    for weight, other in zip(run.model.weights, other_run.model.weights, strict=True):
        assert torch.equal(weight.value, other.value)
    found, other = final_state(out), final_state(expected)
    assert found.keys() == other.keys()
    for name, tensor in found.items():
        assert torch.equal(tensor, other[name]), name


def half_written(out: Path) -> set[Path]:
    return set((out / "checkpoints").glob(".unfinished-*"))


def wait_for_a_write(out: Path, left: set[Path], process: BaseProcess) -> None:
    """Wait until a checkpoint other than `left` is half written, or until the process ends."""
    while process.is_alive() and not half_written(out) - left:
        time.sleep(0.001)


def has_finished(out: Path) -> bool:
    path = out / "run.json"
    return path.is_file() and json.loads(path.read_text())["status"] == "finished"


def kill_and_resume(
    folder: Path, options: dict[str, Any], num_kills: int, seed: int
) -> Counter[str]:
    """Kill runs `num_kills` times, resume after each kill, and compare the end of every run."""
    draw = random.Random(seed)
    expected = folder / "uninterrupted"
    process = begin(expected, "fashion-mnist", options)
    wait_for(expected / "lock", process)
    started_at = time.monotonic()
    process.join()
    assert process.exitcode == 0
    seconds = time.monotonic() - started_at
    counts: Counter[str] = Counter()
    while counts["kills"] < num_kills:
        out = folder / f"run {counts['runs']}"
        while True:
            begun, left = (out / "run.json").exists(), half_written(out)
            process = begin(out, "fashion-mnist", options)
            while not (out / "lock").exists() and process.is_alive():
                time.sleep(0.002)
            process.join(draw.uniform(0.0, seconds) if counts["kills"] < num_kills else None)
            if draw.random() < 0.4:
                wait_for_a_write(out, left, process)
            process.kill()  # does nothing if it has ended
            process.join()
            assert process.exitcode in (0, -9)
            # A run that was killed after it had finished has nothing left to resume.
            if process.exitcode == 0 or has_finished(out):
                counts["resumes"] += begun
                break
            if (out / "run.json").exists():
                counts["kills"] += 1
                counts["resumes"] += begun
                counts["within a write"] += bool(half_written(out) - left)
            else:  # before anything was trained
                shutil.rmtree(out)
                counts["before the start"] += 1
        counts["runs"] += 1
        try:
            assert_same_end(out, expected)
        except AssertionError:
            counts["mismatches"] += 1
        shutil.rmtree(out)
    return counts


def in_words(counts: Counter[str]) -> str:
    names = ("kills", "within a write", "resumes", "mismatches")
    return ", ".join(f"{counts[name]} {name}" for name in names)


def test_a_kill_changes_nothing(tmp_path: Path, report_figure: ReportFigure) -> None:
    counts = kill_and_resume(tmp_path, QUICK, 1, seed=1)
    report_figure(in_words(counts))
    assert counts["kills"] == counts["resumes"] == 1
    assert counts["mismatches"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "num_kills"), [(kind, {"lesson": 12, "dropout": 2}.get(kind, 4)) for kind in KINDS]
)
def test_many_kills_of_each_kind_change_nothing(
    kind: str, num_kills: int, tmp_path: Path, report_figure: ReportFigure
) -> None:
    counts = kill_and_resume(tmp_path, KINDS[kind], num_kills, seed=2)
    report_figure(in_words(counts))
    assert counts["kills"] == counts["resumes"] == num_kills
    assert counts["mismatches"] == 0
