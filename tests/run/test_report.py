"""What a run's report tells, and that a training never fails for its sake."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import MissingExtraError, RunError
from clearsight.run.advise.command import repeat_command, step_command
from clearsight.run.advise.next_step import NextStep
from clearsight.run.finish.write import write_or_warn
from clearsight.run.report.provenance import provenance_of
from clearsight.run.report.report import write_report
from clearsight.run.store.run import Run
from clearsight.training.recipes import RECIPES
from support.command_line import BARE, Cli, assert_refused, run_cli


def text_of(run: Run) -> str:
    return " ".join(write_report(run).read_text("utf-8").split())


@pytest.fixture(scope="module")
def array_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on arrays from Python, whose images nobody can find again."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (90, 16, 16, 1), dtype=np.uint8)
    labels = np.arange(90) % 2
    parts = (ImageSet(images[a:b], labels[a:b], ("one", "two")) for a, b in ((0, 60), (60, 90)))
    out = tmp_path_factory.mktemp("arrays") / "run"
    return clearsight.train(Splits(*parts), out=out, epochs=1, recipe="lesson", verbose=False)


def test_train_writes_it_and_the_verb_writes_the_same_findings(run_folder: Path) -> None:
    run = Run.load(run_folder)
    first = run.folder.report_path.read_text("utf-8")
    assert len(first.encode()) < 3_000_000
    assert ">Not shown</h2>" not in first
    done = run_cli("report", str(run_folder), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["report"] == str(run.folder.report_path)
    second = run.folder.report_path.read_text("utf-8")
    assert said["size_bytes"] == len(second.encode())
    assert first == second, "what training had at hand is what is found again"


def test_it_tells_what_the_run_found(run_folder: Path) -> None:
    run = Run.load(run_folder)
    text = text_of(run)
    results = run.results
    assert f"<strong>{results.test_accuracy:.1%}</strong> test accuracy" in text
    assert f"test accuracy, {results.test_guessing_accuracy:.1%} by guessing" in text
    for finding in results.findings:
        assert finding.sentence in text
    for epoch in run.history:
        assert f"{epoch.val_loss:.4f}" in text
    for heading in (
        "Findings and next step", "Training curves", "Network", "Confusion matrix", "Mistakes",
        "Scores by class", "Calibration", "Saliency", "Data", "Settings, and how to repeat the run",
    ):  # fmt: skip
        assert f">{heading}</h2>" in text
    assert "(3*3*1 + 1)*32 = 320" in text
    assert "clearsight data check fashion-mnist" in text
    assert f"torch {run.record.versions['torch']}" in text
    scores = run.folder.read_scores()
    assert scores is not None
    for score in scores.classes:
        assert score.recall.value is None or f"{score.recall.value:.1%}" in text


def test_only_settings_that_apply_are_listed(digits_run: Path) -> None:
    record = Run.load(digits_run).record

    def names(recipe: str, **changes: Any) -> set[str]:
        """Return the settings listed of a run with a recipe's options changed."""
        used = RECIPES[recipe].replace(**changes)
        request = record.request.model_copy(update={"recipe": used})
        facts = provenance_of(record.model_copy(update={"request": request}), None).facts
        return {name for name, _ in facts}

    lesson = names("lesson")
    assert {"learning rate", "schedule", "batch size", "epochs", "validation split"} <= lesson
    unused = {"momentum", "warmup", "first factor", "last factor", "weight decay", "flip", "gpu"}
    unused |= {"label smoothing", "cutout pixels", "flip at test", "patience", "train limit"}
    assert not lesson & unused, "digits has fewer images than the lesson's limit"
    of_feature = {"warmup", "first factor", "last factor"}
    assert names("lesson", schedule="triangular") - lesson == of_feature, "last factor is 0"
    assert names("lesson", optimizer="muon") - lesson == {"momentum"}
    assert names("lesson", cutout_pixels=3, patience=2) - lesson == {"cutout pixels", "patience"}
    assert "train limit" in names("lesson", train_limit=100)
    own = record.model_copy(update={"split": record.split.model_copy(update={"method": "own"})})
    listed = {name for name, _ in provenance_of(own, None).facts}
    assert not listed & {"validation split", "validation method"}


def test_the_command_on_the_page_repeats_the_run(tmp_path: Path) -> None:
    first = clearsight.train(
        "digits", model="lesson", model_arguments={"num_blocks": 1}, epochs=1, seed=3,
        train_limit=300, learning_rate=0.0004,
        recipe_arguments={"weight_decay": 0.01}, out=tmp_path / "first",
        report=False, bundle=False, verbose=False,
    )  # fmt: skip
    assert not first.folder.report_path.exists()
    command = repeat_command(first.record)
    assert command is not None
    words = shlex.split(command)
    assert words[:2] == ["clearsight", "train"]
    done = run_cli(*words[1:], "--out", str(tmp_path / "second"), *BARE)
    assert done.returncode == 0, done.stderr
    second = Run.load(tmp_path / "second")
    assert second.record.request.recipe == first.record.request.recipe
    assert second.record.request.source_options == first.record.request.source_options
    assert second.history[0].val_loss == first.history[0].val_loss
    assert not second.folder.report_path.exists()


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (NextStep("", {"learning_rate": 0.0001}), "--learning-rate 0.0001"),
        (NextStep("", {"model_arguments": {"dropout": 0.3}}), "--model-arg dropout=0.3"),
        (NextStep("", {"recipe_arguments": {"patience": 3}}), "--recipe-arg patience=3"),
        (NextStep("", {"model": "residual"}), "--model residual --epochs 2 --train-limit 3000"),
        (
            NextStep("", {"recipe": "strong", "model": "residual"}),
            "clearsight train fashion-mnist --model residual --recipe strong --train-limit 3000 "
            "--test-limit 500",
        ),
        (NextStep("", checks_data=True), "clearsight data check fashion-mnist"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_next_step_is_a_command(run_folder: Path, step: NextStep, expected: str) -> None:
    command = step_command(Run.load(run_folder).record, step)
    assert command is not None
    assert expected in command
    assert command.startswith("clearsight ")


def test_of_images_that_are_gone_the_numbers_remain(array_run: Run) -> None:
    assert "Most confident mistakes" in array_run.folder.report_path.read_text("utf-8")
    text = text_of(Run.load(array_run.path))
    assert "Confusion matrix" in text
    assert "Most confident mistakes" not in text
    assert "was trained on arrays from Python" in text
    assert "no command that repeats it" in text


def test_a_run_that_has_not_finished_keeps_its_test_images_closed(
    array_run: Run, tmp_path: Path
) -> None:
    shutil.copytree(array_run.path, tmp_path / "run")
    run = Run.load(tmp_path / "run")
    run.folder.write_record(run.record.model_copy(update={"status": "interrupted"}))
    run.folder.results_path.unlink()
    text = text_of(Run.load(run.path))
    assert "test set is not used until then" in text
    assert "Confusion matrix" not in text
    assert f"clearsight train --resume {tmp_path / 'run'}" in re.sub("<.*?>", "", text)


def test_sealed_test_images_stay_sealed(tmp_path: Path) -> None:
    run = clearsight.train(
        "digits", epochs=1, train_limit=200, no_test=True, out=tmp_path / "run", verbose=False
    )
    text = run.folder.report_path.read_text("utf-8")
    assert "the test set is not used yet" in text
    assert "Confusion matrix" not in text


def test_without_an_epoch_there_is_nothing_to_tell(array_run: Run, tmp_path: Path) -> None:
    shutil.copytree(array_run.path, tmp_path / "run")
    (tmp_path / "run" / "history.csv").unlink()
    with pytest.raises(RunError, match="at least one finished epoch"):
        write_report(Run.load(tmp_path / "run"))


def test_a_folder_that_is_no_run_is_refused(cli: Cli) -> None:
    assert_refused(cli("report", "nowhere"), "A run should be a folder", "does not exist")


def test_a_report_that_cannot_be_written_never_fails_the_run(
    array_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Path:
        raise ZeroDivisionError

    write_or_warn("report", broken, f"clearsight report {array_run.path}")
    said = caplog.text
    assert "No report was written: ZeroDivisionError()." in said
    assert f"clearsight report {array_run.path}" in said


@pytest.mark.parametrize("module", ["altair", "vl_convert", "jinja2"])
def test_a_missing_extra_gives_the_install_line(
    array_run: Run, module: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"'clearsight\[report\]'"):
        write_report(array_run)
    write_or_warn("report", lambda: write_report(array_run), "clearsight report")
    assert "pip install 'clearsight[report]'" in caplog.text
