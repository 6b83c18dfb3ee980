"""What a run's folder from somebody else names is neither downloaded nor executed by itself."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import clearsight
from clearsight.data.sources.load import SOURCES
from clearsight.errors import ClearsightError, RequestError, RunError
from clearsight.run.comparison import compare_runs
from clearsight.run.export.bundle import export_run
from clearsight.run.seeds.comparison import compare_seed_runs
from clearsight.run.store.run import Run
from support.command_line import assert_refused, run_cli

BRIEF: Any = {"epochs": 1, "report": False, "bundle": False, "verbose": False}
NETWORK = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
import keras

def build(input_shape, num_classes):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes, "softmax")
    ])
"""


def change_record(path: Path, **changes: Any) -> None:
    file = path / "run.json"
    record = json.loads(file.read_text())
    for part in ("request", "given"):
        record[part] |= changes
    file.write_text(json.dumps(record))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clearsight.train("digits", out=tmp_path_factory.mktemp("home") / "run", **BRIEF).path


@pytest.fixture
def remote(trained: Path, tmp_path: Path) -> Path:
    """A run on a dataset of Hugging Face, which nothing has downloaded."""
    path = Path(shutil.copytree(trained, tmp_path / "remote"))
    change_record(path, source="hf:evil/tracker")
    return path


def test_a_source_on_the_network_needs_the_users_word(
    remote: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "datasets", raising=False)  # another test may use it
    for action in (
        lambda: clearsight.evaluate(Run.load(remote)),
        lambda: compare_runs([trained, remote]),
        lambda: export_run(Run.load(remote)),
        lambda: clearsight.resume(remote, epochs=2, verbose=False),
    ):
        with pytest.raises(RunError, match=r"trained on hf:evil/tracker, .* allow_download=True"):
            action()
    assert "datasets" not in sys.modules, "the library that connects was not even imported"
    done = run_cli("evaluate", str(remote))
    assert_refused(done, f"clearsight train hf:evil/tracker --resume {remote}`")


@pytest.mark.slow
def test_a_report_says_why_it_shows_no_images(remote: Path) -> None:
    done = run_cli("report", str(remote))
    assert done.returncode == 0, done.stderr
    assert "--allow-download" in (remote / "report.html").read_text()


def test_a_built_in_source_that_is_not_there_needs_it_too(
    remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_record(remote, source="fashion-mnist")
    nowhere = replace(SOURCES["fashion-mnist"], locate=lambda _: None)
    monkeypatch.setitem(SOURCES, "fashion-mnist", nowhere)
    with pytest.raises(RunError, match="trained on fashion-mnist, which is on the network"):
        clearsight.evaluate(Run.load(remote))


@pytest.mark.slow
def test_with_the_users_word_it_is_loaded(remote: Path, trained: Path) -> None:
    for words in (
        ["evaluate", str(remote), "--allow-download"],
        ["compare", str(remote), str(trained), "--allow-download"],
        ["export", str(remote), "--allow-download"],
        ["train", "hf:evil/tracker", "--resume", str(remote), "--epochs", "2"],
    ):
        done = run_cli(*words, HF_HUB_OFFLINE="1")  # the library's own refusal to connect
        assert_refused(done, "hf:evil/tracker should be a dataset on Hugging Face")


def test_code_that_seeds_name_is_run_only_if_the_user_names_it(tmp_path: Path) -> None:
    code, marker, out = tmp_path / "net.py", tmp_path / "ran", tmp_path / "seeds"
    code.write_text(NETWORK)
    model = f"{code}:build"
    clearsight.train("digits", model=model, seeds=2, out=out, **BRIEF)
    shutil.rmtree(out / "seeds" / "1")
    marker.unlink()
    with pytest.raises(RunError, match="never makes code run") as refused:
        clearsight.resume(out, verbose=False)
    assert f"`clearsight.resume('{out}', model='{model}')`" in str(refused.value)
    with pytest.raises(RequestError, match="keeps its network"):
        clearsight.resume(out, model="lesson", verbose=False)
    assert not marker.exists()
    done = run_cli("train", "--resume", str(out), "--model", model)
    assert done.returncode == 0, done.stderr
    assert marker.exists()
    assert json.loads((out / "seeds" / "1" / "run.json").read_text())["status"] == "finished"


@pytest.mark.slow
def test_code_in_a_recipe_is_code_too(tmp_path: Path, trained: Path) -> None:
    code, marker, out = tmp_path / "net.py", tmp_path / "ran", tmp_path / "seeds"
    code.write_text(NETWORK)
    clearsight.train("digits", seeds=2, out=out, **BRIEF)
    shutil.rmtree(out / "seeds" / "1")
    record = json.loads((out / "seeds.json").read_text())
    recipe = json.loads((trained / "run.json").read_text())["request"]["recipe"]
    record["request"]["recipe"] = {**recipe, "model": f"{code}:build"}
    (out / "seeds.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="never makes code run"):
        clearsight.resume(out, verbose=False)
    assert not marker.exists()


def test_a_single_run_never_needs_its_code(tmp_path: Path, trained: Path) -> None:
    code, marker = tmp_path / "net.py", tmp_path / "ran"
    code.write_text(NETWORK)
    path = Path(shutil.copytree(trained, tmp_path / "run"))
    change_record(path, model=f"{code}:build")
    assert clearsight.evaluate(Run.load(path)).scores.num_images == 359
    resumed = clearsight.resume(path, epochs=2, verbose=False)
    assert isinstance(resumed, Run)
    assert resumed.record.status == "finished"
    assert not marker.exists()


@pytest.mark.slow
def test_several_seeds_on_the_network_are_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "datasets", raising=False)  # another test may use it
    out = tmp_path / "seeds"
    clearsight.train("digits", seeds=2, out=out, **BRIEF)
    for index in range(2):
        change_record(out / "seeds" / str(index), source="hf:evil/tracker")
    with pytest.raises(ClearsightError, match="allow_download=True"):
        compare_seed_runs([out, Path(shutil.copytree(out, tmp_path / "other"))])
    shutil.rmtree(out / "seeds" / "1")
    record = json.loads((out / "seeds.json").read_text())
    record["request"]["source"] = "hf:evil/tracker"
    (out / "seeds.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="allow_download=True"):
        clearsight.resume(out, verbose=False)
    assert "datasets" not in sys.modules
