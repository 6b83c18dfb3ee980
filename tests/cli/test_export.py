"""``clearsight export``: where a bundle is written, what is rejected, and 8-bit integers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.bundle.formats.table import FORMATS
from clearsight.data.splits.splits import Splits
from clearsight.errors import BundleError, RunError
from support.command_line import BARE, Cli, assert_refused


def test_training_writes_a_bundle_unless_disabled(
    cli: Cli, run_folder: Path, tmp_path: Path
) -> None:
    assert {path.name for path in (run_folder / "bundle").iterdir()} == {
        "model.onnx", "bundle.json", "parity.npz", "README.md",
    }  # fmt: skip
    done = cli(
        "train", "digits", "--epochs", "1", *BARE, "--out", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run" / "bundle").exists()
    assert_refused(
        cli("export", "run", "--check"), "has none yet: create it with clearsight export"
    )
    exported = cli("export", "run", "--out", "a/b.zip")
    assert "64 images replayed" in exported.stdout
    assert "in place of" not in exported.stdout
    assert (
        "bundle: a/b.zip (in place of the one that was"
        in cli("export", "run", "--out", "a/b.zip").stdout
    )
    checked = json.loads(cli("export", "a/b.zip", "--check", "--json").stdout)
    assert checked["checked"]
    assert checked["largest_difference"] < 1e-4


@pytest.mark.slow
def test_training_without_onnx_reports_it_once_and_continues(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("raise ImportError('not here')\n")
    path = f"{tmp_path}:{Path(clearsight.__file__).parents[1]}"
    done = cli(
        "train", "digits", "--epochs", "1", "--no-report", "--out", "run", PYTHONPATH=path
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pip install 'clearsight[onnx]'") == 1
    assert "No bundle was written." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["nowhere", "--check"], "nowhere does not exist"),
        (["RUN", "--check", "--out", "x"], "so that --out has no effect"),
        (["RUN", "--allow-loss"], "--allow-loss is for --int8"),
        (["RUN", "--int8", "--format", "keras"], "--int8 is for the format onnx"),
        (["RUN", "--out", "RUN/model.keras"], "but is something else"),
        (["RUN", "--format", "onyx"], "Did you mean 'onnx'"),
        (["RUN/bundle"], "is a bundle already: add --check"),
    ],
)
def test_invalid_requests_get_a_clear_message(
    cli: Cli, run_folder: Path, arguments: list[str], expected: str
) -> None:
    given = [argument.replace("RUN", str(run_folder)) for argument in arguments]
    assert_refused(cli("export", *given), expected)


def test_an_unfinished_run_is_not_exported(cli: Cli, run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**record, "status": "failed"}))
    assert_refused(cli("export", "run"), "should be made from a finished run", "train --resume run")


def test_more_epochs_replace_the_bundle(small_fashion: Splits, tmp_path: Path) -> None:
    options = {"recipe": "lesson", "train_limit": 500, "report": False, "verbose": False}
    run = clearsight.train(small_fashion, epochs=1, out=tmp_path / "run", **options)
    images = small_fashion.train.images[:50]
    before = clearsight.load(run.path / "bundle").probabilities(images)
    again = clearsight.resume(
        run.path, data=small_fashion, epochs=2, report=False, bundle=False, verbose=False
    )
    assert not (again.path / "bundle").exists(), "a bundle of the first epoch would be misleading"
    after = again.predict(images).probabilities
    assert not np.allclose(before, after, atol=1e-3)
    from clearsight.run.export.bundle import export_run

    with pytest.raises(RunError, match="was trained on arrays from Python"):
        export_run(clearsight.Run.load(run.path))


def test_int8_accuracy_is_measured_and_a_loss_is_rejected(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearsight.run.export import int8

    run = clearsight.Run.load(run_folder)
    exported = int8.export_int8(run, tmp_path / "int8")
    assert abs(exported.comparison.difference) <= 0.01
    assert exported.comparison.num_images == 600
    assert "95% interval" in exported.sentence
    small = (tmp_path / "int8" / "model.onnx").stat().st_size
    assert small < 0.4 * (run_folder / "bundle" / "model.onnx").stat().st_size
    assert clearsight.load(tmp_path / "int8").spec.precision == "int8"
    monkeypatch.setattr(int8, "MAX_LOSS", -1.0)  # any loss is too much
    with pytest.raises(
        BundleError, match=r"should lose at most .* accept the loss with --allow-loss"
    ):
        int8.export_int8(run, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    int8.export_int8(run, tmp_path / "taken", allow_loss=True)


def test_the_help_lists_every_format(cli: Cli) -> None:
    assert "|".join(FORMATS) in cli("export", "--help").stdout.split()
