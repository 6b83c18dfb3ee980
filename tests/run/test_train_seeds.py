"""Trainings with several seeds: ordinary runs in one folder, summed up, and resumable."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import clearsight
from clearsight.errors import ModelError, RequestError, RunError
from clearsight.models.backend import keras
from clearsight.run.seeds.runs import SeedRuns
from support.command_line import BARE, Cli, assert_refused

QUIET: dict[str, Any] = {"report": False, "bundle": False, "verbose": False}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> SeedRuns:
    out = tmp_path_factory.mktemp("seeds") / "three"
    return clearsight.train(
        "digits", epochs=1, seed=4, seeds=3, out=out, report=False, bundle=False, verbose=False
    )


def test_members_are_ordinary_runs_with_the_seeds_that_follow(
    three: SeedRuns, tmp_path: Path
) -> None:
    assert [run.record.request.seed for run in three] == [4, 5, 6]
    assert [run.path for run in three] == [three.path / "seeds" / str(k) for k in range(3)]
    alone = clearsight.train(
        "digits",
        epochs=1,
        seed=5,
        out=tmp_path / "alone",
        report=False,
        bundle=False,
        verbose=False,
    )
    for mine, other in zip(three[1].model.weights, alone.model.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    assert three[1].results.test_accuracy == alone.results.test_accuracy


def test_the_table_is_readable_on_narrow_terminals(three: SeedRuns) -> None:
    wide, narrow = three.table.lines(80), three.table.lines(50)
    assert max(map(len, narrow)) <= 50
    assert [line for line in narrow if not line.startswith(" ")] == [
        "seed 4", "seed 5", "seed 6", "mean", "standard deviation", "spread",
    ]  # fmt: skip
    assert [line[:6] for line in wide[1:4]] == ["seed 4", "seed 5", "seed 6"]
    assert f"test {three[0].results.test_accuracy:.4f}" in " ".join(narrow[1:4])


def test_the_summary_is_what_scipy_gives(three: SeedRuns) -> None:
    accuracies = [run.results.test_accuracy or 0.0 for run in three]
    summary = json.loads((three.path / "seeds.json").read_text())["summary"]["test_accuracy"]
    assert summary["mean"] == pytest.approx(np.mean(accuracies))
    assert summary["standard_deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    expected = stats.t.interval(0.95, 2, np.mean(accuracies), stats.sem(accuracies))
    assert summary["interval"] == pytest.approx(np.clip(expected, 0, 1))
    with (three.path / "seeds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["test_accuracy"]) for row in rows] == accuracies
    assert SeedRuns.load(three.path).to_json() == three.to_json()
    assert f"on these images; {three[0].results.test_guessing_accuracy:.3f} by guessing)" in str(
        three
    )


def test_the_command_line_shows_each_seed_and_the_mean(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", *BARE, "digits", "--epochs", "1", "--seeds", "2", "--out", "r")
    assert done.returncode == 0, done.stderr
    for text in ("Seed 1, 2 of 2:", "standard deviation", "mean test accuracy 0.", "over 2 seeds"):
        assert text in done.stdout
    assert_refused(cli("train", "--resume", "r"), "finished all its 2 seeds")
    assert_refused(cli("train", "--resume", "r", "--epochs", "3"), "epochs was given")
    assert_refused(cli("train", "digits", "--seeds", "1"), "--seeds should be at least 2")


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_resume_trains_the_rest(cli: Cli, tmp_path: Path) -> None:
    arguments = [
        "train",
        *BARE,
        "digits",
        "--epochs",
        "6",
        "--seeds",
        "3",
        "--out",
        "r",
    ]
    program = str(Path(sys.executable).with_name("clearsight"))
    with subprocess.Popen(
        [program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 200
        while not (tmp_path / "r/seeds/1/history.csv").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "Interrupted with seed 1, 2 of 3." in said
    assert "clearsight train --resume r\n" in said
    runs = SeedRuns.load(tmp_path / "r")
    assert [run.record.request.seed for run in runs] == [0]
    assert not runs.is_finished
    first = (tmp_path / "r/seeds/0/results.json").read_bytes()
    done = cli("train", "--resume", "r", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["seed"] for row in json.loads(done.stdout)["members"]] == [0, 1, 2]
    assert (tmp_path / "r/seeds/0/results.json").read_bytes() == first
    assert len(clearsight.Run.load(tmp_path / "r/seeds/1").record.resumptions) == 1
    assert not list(tmp_path.glob("r/seeds/*/report.html"))  # as was asked at first


def test_a_missing_member_is_trained_again_to_the_same_weights(
    three: SeedRuns, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(three.path, tmp_path / "copy"))
    shutil.rmtree(copy / "seeds/1")
    (copy / "seeds/1").mkdir()
    again = clearsight.resume(copy, report=False, bundle=False, verbose=False)
    assert isinstance(again, SeedRuns)
    assert again[1].results.test_loss == three[1].results.test_loss


@pytest.mark.slow
def test_arrays_go_on_when_they_are_given_again(tmp_path: Path) -> None:
    data = clearsight.Splits(*clearsight.load_data("digits"))
    options = {"recipe": "lesson", "epochs": 1, "report": False, "verbose": False}
    runs = clearsight.train(data, seeds=2, out=tmp_path / "r", **options)
    shutil.rmtree(runs[1].path)
    with pytest.raises(RunError, match=r"clearsight.resume\(path, data=...\)"):
        clearsight.resume(runs.path)
    again = clearsight.resume(runs.path, data=data, report=False, bundle=False, verbose=False)
    assert isinstance(again, SeedRuns)
    assert len(again) == 2


def flat(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    layers = [keras.Input(input_shape), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(num_classes, "softmax")])


@pytest.mark.slow
def test_a_function_builds_each_network_and_a_missing_one_when_given_again(tmp_path: Path) -> None:
    runs = clearsight.train("digits", model=flat, seeds=2, epochs=1, out=tmp_path / "r", **QUIET)
    single = clearsight.train("digits", model=flat, epochs=1, out=tmp_path / "one", **QUIET)
    assert single.results.test_loss == runs[0].results.test_loss
    before = runs[1].results.test_loss
    assert before != runs[0].results.test_loss
    shutil.rmtree(runs[1].path)
    with pytest.raises(RunError, match=r"needs the Python function flat\(\), which is not saved"):
        clearsight.resume(runs.path)
    with pytest.raises(RequestError, match=r"keeps its network, flat\(\), but lambda was given"):
        clearsight.resume(runs.path, model=lambda: None)
    again = clearsight.resume(runs.path, model=flat, **QUIET)
    assert isinstance(again, SeedRuns)
    assert again[1].results.test_loss == before


def test_networks_that_share_weights_are_refused_before_training(tmp_path: Path) -> None:
    model, layer = flat((8, 8, 1), 10), keras.layers.Dense(10, "softmax")
    first = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    for function in (lambda: model, lambda: keras.Sequential([*first, layer])):
        with pytest.raises(ModelError, match=r"lambda\(\) should build a new network each time"):
            clearsight.train("digits", model=function, seeds=2, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_what_cannot_be_repeated_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    with pytest.raises(RequestError, match="built again for each"):
        clearsight.train("digits", model=model, seeds=2, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_split_that_the_seed_draws_is_said(tmp_path: Path) -> None:
    runs = clearsight.train(
        "digits", recipe="strong", model="lesson", epochs=1, seeds=2, out=tmp_path / "r",
        report=False, bundle=False, verbose=False,
    )  # fmt: skip
    assert not runs.record.same_validation
    assert "has drawn its own validation images" in str(runs)
