"""``clearsight runs``: the state of each run, and deleting runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError, TrainingError
from clearsight.run.store.deletion import delete_run
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.listing import list_runs
from clearsight.run.store.lock import lock_run
from support.command_line import assert_refused, run_cli
from support.training_processes import begin, begin_command, wait_for


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs, a failed one, and one whose process was killed."""
    folder = tmp_path_factory.mktemp("home") / "runs"
    for name, epochs in (("good", 3), ("less-good", 1)):
        clearsight.train(
            "digits", epochs=epochs, out=folder / name, report=False, bundle=False, verbose=False
        )
    with pytest.raises(TrainingError):
        clearsight.train(
            "digits",
            learning_rate=1e30,
            out=folder / "failed",
            report=False,
            bundle=False,
            verbose=False,
        )
    process = begin(folder / "killed", "digits", {"epochs": 200})
    wait_for(folder / "killed" / "history.csv", process)
    process.kill()
    process.join()
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def copied(runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs, tmp_path / "runs"))


def test_each_run_is_listed_with_its_state(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent)
    done = run_cli("runs", "--json")
    assert done.returncode == 0, done.stderr
    found = {Path(run["path"]).name: run for run in json.loads(done.stdout)["runs"]}
    assert {name: run["state"] for name, run in found.items()} == {
        "good": "finished", "less-good": "finished", "failed": "failed", "killed": "interrupted",
    }  # fmt: skip
    assert found["killed"]["why"] == "its process died"
    assert found["failed"]["why"].startswith("The loss should stay a finite number")
    good = clearsight.Run.load(runs / "good")
    assert found["good"]["test_accuracy"] == good.results.test_accuracy
    assert found["good"]["val_accuracy"] == max(epoch.val_accuracy for epoch in good.history)
    size = sum(file.stat().st_size for file in good.path.rglob("*") if file.is_file())
    assert found["good"]["size_bytes"] == size
    assert found["good"]["is_best"]
    assert not found["less-good"]["is_best"]
    shown = run_cli("runs").stdout
    for text in ("killed is interrupted: its process died", "learning_rate", " MB"):
        assert text in shown
    lines = [line.split() for line in shown.splitlines()]
    listed = [line[0] for line in lines if line[0] in found and line[1] != "is"]
    assert listed == list(found)  # one line each
    titles = next(line for line in lines if line[0] == "run")
    assert titles == ["run", "state", "learning_rate", "epochs", "val", "test"]
    assert ["less-good", "finished", "0.001", "1/1"] in [line[:4] for line in lines]


def test_a_run_in_training_is_running(copied: Path) -> None:
    with lock_run(copied / "killed"):
        states = {run.path.name: run.state for run in list_runs(copied)}
        assert states["killed"] == "running"
        done = run_cli("runs", "prune", "--folder", str(copied), "--state", "interrupted", "--yes")
        assert "nothing to delete" in done.stdout
        assert f"Left as it is: A process writes to {copied / 'killed'}." in done.stdout
        with pytest.raises(RunError, match="Only one process should write"):
            delete_run(copied / "killed")
    assert (copied / "killed" / "run.json").exists()


def test_prune_asks_first_and_keeps_the_best_run(copied: Path) -> None:
    everything = ["--state", "finished", "--state", "failed", "--state", "interrupted"]
    arguments = ["runs", "prune", "--folder", str(copied), *everything]
    shown = run_cli(*arguments)
    assert "Nothing was deleted; --yes deletes without asking." in shown.stdout
    assert len(list_runs(copied)) == 4
    recent = run_cli(*arguments, "--older-than-days", "1", "--yes")
    assert "There is nothing to delete" in recent.stdout
    done = run_cli(*arguments, "--yes", "--json")
    answer = json.loads(done.stdout)
    deleted = {Path(run["path"]).name for run in answer["runs"]}
    assert answer["deleted"]
    assert {"less-good", "failed"} <= deleted
    left = {run.path.name: run.is_best for run in list_runs(copied)}
    assert left["good"]
    assert all(left.values())
    assert (copied / "notes").is_dir()
    assert not list(copied.glob(".deleting-*"))


def test_by_default_only_failed_runs_are_deleted(copied: Path) -> None:
    done = run_cli("runs", "prune", "--folder", str(copied), "--yes", "--json")
    assert [Path(run["path"]).name for run in json.loads(done.stdout)["runs"]] == ["failed"]
    assert not RunFolder(copied / "failed").path.exists()


def test_an_absent_folder_and_a_file_instead_of_one_are_reported(tmp_path: Path) -> None:
    assert "There are no runs in" in run_cli("runs", "--folder", str(tmp_path / "none")).stdout
    file = tmp_path / "file"
    file.touch()
    assert_refused(run_cli("runs", "--folder", str(file)), "should be a folder of runs")


def test_several_seeds_are_one_entry_and_are_deleted_together(tmp_path: Path) -> None:
    three = clearsight.train(
        "digits",
        epochs=1,
        seeds=2,
        out=tmp_path / "several",
        report=False,
        bundle=False,
        verbose=False,
    )
    clearsight.train(
        "digits", epochs=4, out=tmp_path / "better", report=False, bundle=False, verbose=False
    )
    (entry,) = [run for run in list_runs(tmp_path) if run.num_seeds is not None]
    assert (entry.num_seeds, entry.state, entry.epochs_done) == (2, "finished", 2)
    accuracies = [run.results.test_accuracy or 0.0 for run in three]
    assert entry.test_accuracy == pytest.approx(sum(accuracies) / 2)
    shown = run_cli("runs", "--folder", str(tmp_path)).stdout
    assert ["several", "2", "2/2"] in [line.split()[:3] for line in shown.splitlines()]
    assert "epochs are summed and accuracies are means" in shown
    with lock_run(three[1].path):
        assert {run.state for run in list_runs(tmp_path)} == {"running", "finished"}
    shutil.rmtree(three[1].path)
    (entry,) = [run for run in list_runs(tmp_path) if run.num_seeds is not None]
    assert (entry.state, entry.why) == ("interrupted", "1 of 2 seeds are finished")
    arguments = ["--folder", str(tmp_path), "--state", "interrupted", "--yes"]
    assert run_cli("runs", "prune", *arguments).returncode == 0
    assert not three.path.exists()


def test_a_run_is_not_deleted_while_its_bundle_and_report_are_written(copied: Path) -> None:
    """Although it is finished, and worse than another one."""
    out, printed = copied / "new", copied.parent / "printed"
    process = begin_command(["train", "digits", "--epochs", "1", "--out", str(out)], printed)
    wait_for(out / "results.json", process)
    finished = ("--state", "finished", "--yes", "--json")
    done = run_cli("runs", "prune", "--folder", str(copied), *finished)
    assert process.is_alive()
    assert list(json.loads(done.stdout)["left"]) == [str(out)]
    process.join(60)
    assert process.exitcode == 0, printed.read_text()
    assert (out / "report.html").is_file()
    assert (out / "bundle" / "bundle.json").is_file()
    done = run_cli("runs", "prune", "--folder", str(copied), *finished)
    assert str(out) in [run["path"] for run in json.loads(done.stdout)["runs"]]
    assert not out.exists()


@pytest.mark.slow
def test_runs_with_several_seeds_are_left_whole_while_one_is_in_use(tmp_path: Path) -> None:
    runs = clearsight.train("digits", epochs=1, seeds=2, out=tmp_path / "several", report=False,
                            bundle=False, verbose=False)  # fmt: skip
    with lock_run(runs[1].path), pytest.raises(RunError, match="Only one process should write"):
        delete_run(runs.path)
    with lock_run(runs.path), pytest.raises(RunError, match="Only one process should write"):
        delete_run(runs[0].path)
    assert [run.path.is_dir() for run in runs] == [True, True]
    assert not list(tmp_path.rglob("lock"))
    delete_run(runs[0].path)
    delete_run(runs.path)
    assert not list(tmp_path.iterdir())


def test_a_run_that_holds_another_one_and_a_link_to_a_run_are_not_deleted(copied: Path) -> None:
    shutil.copytree(copied / "less-good", copied / "failed" / "mine" / "inner")
    (copied / "link").symlink_to(copied / "less-good")
    everything = ("--state", "finished", "--state", "failed", "--state", "interrupted", "--yes")
    done = run_cli("runs", "prune", "--folder", str(copied), *everything)
    assert done.returncode == 0, done.stderr
    inner = copied / "failed" / "mine" / "inner"
    assert f"should hold one run, but {inner} is another one: move it away first" in done.stdout
    assert (inner / "run.json").is_file()
    assert (copied / "link").is_symlink()
    with pytest.raises(RunError, match="is a link to"):
        delete_run(copied / "link")


def test_prune_deletes_what_a_killed_one_left(copied: Path) -> None:
    left = copied / ".old-0123abcd" / "deleted"
    shutil.copytree(copied / "failed", left)
    (copied / ".mine-0123abcd").mkdir()
    (copied / ".mine-0123abcd" / "notes").touch()
    run_cli("runs", "prune", "--folder", str(copied), "--state", "failed")
    assert not left.parent.exists()
    assert (copied / ".mine-0123abcd" / "notes").exists()
    assert (copied / "failed").is_dir()
