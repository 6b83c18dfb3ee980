"""What a run writes of its scores, and a test set that is not used: real runs on real digits."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import RunError
from clearsight.run.store.predictions_csv import read_predictions, write_predictions
from clearsight.run.test_set.ledger import read_uses
from support.command_line import BARE, Cli


@pytest.fixture(scope="module")
def digits() -> Splits:
    train, test = clearsight.load_data("digits")
    return Splits(train, test)


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "test_sets"


def test_predictions_and_measures_are_those_of_the_run(digits: Splits, tmp_path: Path) -> None:
    run = clearsight.train(
        "digits", epochs=2, out=tmp_path / "run", report=False, bundle=False, verbose=False
    )
    assert digits.test is not None
    written = read_predictions(run.folder.predictions_path, run.class_names)
    assert np.array_equal(written.labels, digits.test.labels)
    assert written.predictions.class_names == run.class_names
    again = run.predict(digits.test.images).probabilities
    assert written.predictions.probabilities == pytest.approx(again, abs=1e-6)
    with run.folder.predictions_path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["index"] for row in rows] == [str(number) for number in range(359)]
    right = sum(row["correct"] == "1" for row in rows)
    assert right == sum(row["truth"] == row["prediction"] for row in rows)
    scores = run.folder.read_scores()
    assert scores is not None
    assert scores.accuracy.value == right / 359 == run.results.test_accuracy
    assert scores.log_loss is not None
    assert scores.log_loss.value == pytest.approx(run.results.test_loss)
    assert [row.num_images for row in scores.classes] == digits.test.class_counts.tolist()
    assert scores.temperature_scaling is not None
    # After two epochs the network is still far less sure than it might be.
    assert scores.temperature_scaling.temperature < 1
    assert scores.temperature_scaling.ece.value < scores.calibration.ece.value
    (use,) = read_uses(digits.test.fingerprint)
    assert (use.run, use.command) == (str(run.path.resolve()), "train")
    assert (use.accuracy, use.val_accuracy) == (right / 359, run.results.val_accuracy)
    uses = run.results.test_set_uses
    assert (uses.count, uses.optimism) == (1, 0.0)
    run.folder.scores_path.write_text('{"num_images": 3}')
    with pytest.raises(RunError, match="should hold a run's scores, but is damaged or of another"):
        run.folder.read_scores()


def test_an_unused_test_set_is_used_by_evaluate_alone(cli: Cli, digits: Splits) -> None:
    done = cli("train", *BARE, "digits", "--epochs", "1", "--no-test", "--out", "sealed")
    assert done.returncode == 0, done.stderr
    assert "Use it with: clearsight evaluate sealed" in done.stdout
    assert "359 test images (not evaluated yet)" in done.stdout
    run = clearsight.Run.load("sealed")
    assert digits.test is not None
    assert run.record.data["test"].sha256 == digits.test.fingerprint
    done = cli("train", "--resume", "sealed", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert run.results.test_accuracy is run.results.test_set_uses is None
    assert run.results.test_count == len(run.results.first_test_labels) == 0
    assert not run.folder.scores_path.exists()
    assert not run.folder.predictions_path.exists()
    assert read_uses(digits.test.fingerprint) == ()
    done = cli("evaluate", "sealed", "--json")
    found = json.loads(done.stdout)
    assert found["test_set_uses"] == {"count": 1, "num_runs": 1, "optimism": 0}
    assert found["scores"]["accuracy"]["value"] == found["test_accuracy"]
    assert [use.command for use in read_uses(digits.test.fingerprint)] == ["evaluate"]


@pytest.mark.slow
def test_choosing_on_the_test_set_is_said(cli: Cli, digits: Splits) -> None:
    said = "choosing the best of them makes its score optimistic by up to about "
    first = cli("train", *BARE, "digits", "--epochs", "1", "--out", "a")
    assert "This test set has been" not in first.stdout
    second = cli("train", *BARE, "digits", "--epochs", "1", "--seed", "1", "--out", "b")
    assert f"This test set has been evaluated 2 times by 2 runs; {said}" in second.stdout
    third = cli("evaluate", "a")
    assert f"evaluated 3 times by 2 runs; {said}" in third.stdout
    uses = clearsight.Run.load("b").results.test_set_uses
    assert (uses.count, uses.num_runs) == (2, 2)
    assert 0 < uses.optimism < 0.03
    for text in ("macro F1", "log loss", "Brier", "(ECE)", "Bootstrap", "95% interval"):
        assert text in third.stdout
    assert len([line for line in third.stdout.splitlines() if line.count("–") >= 2]) == 10


def test_a_ledger_that_cannot_be_written_costs_no_run(
    own_ledger: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_ledger.parent.write_text("a file in the way")
    run = clearsight.train(
        "digits", epochs=1, out=tmp_path / "run", report=False, bundle=False, verbose=False
    )
    assert run.record.status == "finished"
    assert run.results.test_set_uses.count == 1
    assert "This use of the test set should be recorded in" in caplog.text


def test_more_epochs_set_the_older_scores_aside(tmp_path: Path) -> None:
    run = clearsight.train(
        "digits", epochs=1, out=tmp_path / "run", report=False, bundle=False, verbose=False
    )
    before = run.folder.read_scores()
    run = clearsight.resume(run.path, epochs=2, report=False, bundle=False, verbose=False)
    assert run.folder.read_scores() != before
    names = {path.name for path in run.path.glob("*_before.*")}
    assert names == {"results_before.json", "scores_before.json", "predictions_before.csv"}
    uses = run.results.test_set_uses
    assert (uses.count, uses.num_runs) == (2, 1)


def test_names_and_probabilities_come_back_as_they_were(tmp_path: Path) -> None:
    names = ("a,b.png", 'quoted "c".png', "no\nline \udcff.png")
    images = ImageSet(
        np.zeros((3, 2, 2, 1), np.uint8), np.array([0, 1, 1]), ("x, y", "z"), names=names
    )
    probabilities = np.random.default_rng(0).dirichlet([0.1, 0.1], 3).astype(np.float32)
    write_predictions(images, probabilities, tmp_path / "predictions.csv")
    found = read_predictions(tmp_path / "predictions.csv", images.class_names)
    assert found.names == names
    assert found.labels.tolist() == [0, 1, 1]
    assert np.array_equal(found.predictions.probabilities, probabilities)
    assert found.predictions.class_names == images.class_names
    with pytest.raises(RunError, match="should hold a run's predictions"):
        read_predictions(tmp_path / "absent.csv", images.class_names)
