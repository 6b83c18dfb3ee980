"""A damaged or hostile run is an error in one sentence, and a row in the list of runs."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clearsight
from clearsight.errors import ClearsightError, RunError
from clearsight.run.comparison import compare_runs
from clearsight.run.report.report import write_report
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import resume_request
from clearsight.run.seeds.comparison import compare_seed_runs
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.deletion import runs_to_prune
from clearsight.run.store.listing import list_runs
from clearsight.run.store.predictions_csv import read_predictions
from clearsight.run.store.run import Run
from clearsight.run.store.split_csv import read_split
from support.run_damage import (
    DAMAGES,
    REPLACEMENTS,
    changed_file,
    lists_of_other_lengths,
    outcome,
    replace_value,
    value_paths,
)

JSON_FILES = ("run.json", "results.json", "scores.json")
FILES = (*JSON_FILES, "history.csv", "split.csv", "predictions.csv", "model.keras", "curves.png")
BRIEF: Any = {"epochs": 1, "report": False, "bundle": False, "verbose": False}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, and one with two seeds."""
    folder = tmp_path_factory.mktemp("home")
    clearsight.train("digits", out=folder / "good", **BRIEF)
    clearsight.train("digits", out=folder / "several", seeds=2, **BRIEF)
    shutil.copytree(folder / "good", folder / "victim")
    return folder


def read_all(home: Path, path: Path) -> dict[str, ClearsightError | None]:
    """Return how everything that reads a run ends, but for its report, which takes a second."""
    actions: dict[str, Callable[[], object]] = {
        "evaluate": lambda: clearsight.evaluate(Run.load(path)),
        "resume": lambda: plan_resume(resume_request(path, epochs=3)),
        "compare": lambda: compare_runs([home / "good", path]),
    }
    outcomes = {name: outcome(action) for name, action in actions.items()}
    listed = {run.path.name: run for run in list_runs(home)}
    assert set(listed) == {"good", "several", "victim"}
    assert listed["good"].state == "finished", "one bad run breaks no other"
    assert "victim" not in {run.path.name for run in runs_to_prune(listed.values(), ["failed"])}
    for error in outcomes.values():
        assert error is None or "\n" not in str(error)
    return outcomes


READERS: dict[str, Callable[[Run], object]] = {
    "run.json": lambda run: run.folder.read_record(),
    "results.json": lambda run: run.folder.read_results(),
    "scores.json": lambda run: run.folder.read_scores(),
    "history.csv": lambda run: run.folder.read_history(),
    "split.csv": lambda run: read_split(run.folder.split_path),
    "predictions.csv": lambda run: read_predictions(run.folder.predictions_path, run.class_names),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_one_sentence_and_a_row(home: Path, name: str, damage: str) -> None:
    run = Run.load(home / "victim")
    with changed_file(run.path / name) as file:
        DAMAGES[damage](file)
        error = outcome(lambda: READERS[name](run))
        assert error is not None
        assert str(error).startswith(f"{file} should hold") or "should list" in str(error)
        listed = {each.path.name: each for each in list_runs(home)}
        assert [listed[each].state for each in ("good", "several")] == ["finished"] * 2
        is_listed = name in ("run.json", "results.json", "history.csv")
        assert listed["victim"].state == ("damaged" if is_listed else "finished")
        assert listed["victim"].why == (str(error) if is_listed else "")


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_file_may_be_anything(home: Path, name: str, damage: str) -> None:
    if damage == "a device" and name == "model.keras":
        pytest.skip("Keras files are tested with the networks")
    path = home / "victim"
    with changed_file(path / name) as file:
        DAMAGES[damage](file)
        if name == "run.json":
            (row,) = [run for run in list_runs(home) if run.path == path]
            assert (row.state, row.started_at, row.epochs) == ("damaged", "", 0)
            assert "run.json should hold a run's record, but" in row.why
            error = outcome(lambda: Run.load(path))
            assert str(error) == row.why
        elif name in ("predictions.csv", "curves.png", "scores.json"):
            outcome(lambda: write_report(Run.load(path)))
        else:
            found = read_all(home, path)
            if name == "split.csv":
                assert "split.csv should list the images" in str(found["evaluate"])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_of_seeds_is_a_row(home: Path, damage: str) -> None:
    with changed_file(home / "several" / "seeds.json") as file:
        DAMAGES[damage](file)
        listed = {run.path.name: run for run in list_runs(home)}
        assert listed["several"].state == "damaged"
        assert "seeds.json should hold runs with several seeds, but" in listed["several"].why
        error = outcome(lambda: SeedRuns.load(home / "several"))
        assert str(error) == listed["several"].why


def test_the_last_of_the_seeds_is_a_seed(home: Path) -> None:
    with changed_file(home / "several" / "seeds.json") as file:
        file.write_text(json.dumps(json.loads(file.read_text()) | {"first_seed": 2**32 - 1}))
        with pytest.raises(RunError, match=r"the last seed should be below 2\*\*32"):
            clearsight.resume(home / "several", verbose=False)


def test_a_damaged_member_is_what_the_row_of_its_seeds_says(home: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(home / "several", tmp_path / "other"))
    with changed_file(home / "several" / "seeds" / "1" / "run.json") as file:
        file.write_text("{}")
        (row,) = [run for run in list_runs(home) if run.path.name == "several"]
        assert row.state == "damaged"
        assert "seeds/1/run.json" in row.why
        error = outcome(lambda: compare_seed_runs([home / "several", other]))
        assert "seeds/1/run.json" in str(error)


def check_values(home: Path, path: Path, name: str, cases: list[tuple[Any, str]]) -> int:
    """Read a run with each text in place of a file, and return how many were accepted."""
    num_accepted = 0
    with changed_file(path / name) as file:
        for where, text in cases:
            file.write_text(text)
            try:
                if outcome(lambda: [read(Run.load(path)) for read in READERS.values()]) is None:
                    num_accepted += 1
                    if name == "run.json":
                        read_all(home, path)
                    outcome(lambda: write_report(Run.load(path)))
            except Exception as error:
                raise AssertionError(f"{name} with another {where}: {text[:300]}") from error
    return num_accepted


def all_cases(path: Path, name: str) -> list[tuple[Any, str]]:
    text = (path / name).read_text()
    cases = [
        (where, replace_value(text, where, value))
        for where in value_paths(json.loads(text))
        for value in REPLACEMENTS
    ]
    return cases + list(lists_of_other_lengths(text))


@pytest.mark.parametrize(("name", "num_cases"), [("run.json", 4), ("results.json", 2)])
def test_some_values_may_be_anything(home: Path, name: str, num_cases: int) -> None:
    cases = random.Random(0).sample(all_cases(home / "victim", name), num_cases)
    check_values(home, home / "victim", name, cases)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", JSON_FILES)
def test_all_values_may_be_anything(home: Path, name: str, seed: int) -> None:
    cases = random.Random(seed).sample(all_cases(home / "victim", name), 40)
    assert check_values(home, home / "victim", name, cases) < len(cases)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"source": "/dev/zero"}, "/dev/zero should be"),
        ({"source_options": {"remove_list": "/dev/zero"}}, "it is a device"),
        ({"source_options": {"corrections": "/dev/zero"}}, "it is a device"),
        ({"source_options": {"remove_list": "a\0b"}}, "a\0b should list images"),
        ({"source_options": {"data_dir": "/dev/zero"}}, "takes no data_dir="),
    ],
)
def test_a_source_may_be_anything(home: Path, change: dict[str, Any], expected: str) -> None:
    path = home / "victim"
    with changed_file(path / "run.json") as file:
        values = json.loads(file.read_text())
        values["request"] |= change
        file.write_text(json.dumps(values))
        assert expected in str(read_all(home, path)["evaluate"])


@pytest.mark.parametrize(
    ("entry", "values", "expected"),
    [
        ("preparation", {"height": 10**9}, "cannot have the height 1000000000"),
        ("preparation", {"height": 60_000}, "should have the preparation's shape (60000, 8, 1)"),
        ("preparation", {"divisor": 0}, "cannot have the divisor 0"),
        ("class_names", ["a"] * 10, "class_names should differ from each other"),
        ("class_names", [*"012345678", "ten"], "none"),
        ("data", {"test": {}}, "data.test."),
        ("data", None, "data = None"),
        ("started_at", "x", "started_at = 'x'"),
        ("split", {"num_validation": 10**6}, "all are held out"),
    ],
)
def test_what_a_record_cannot_say(home: Path, entry: str, values: Any, expected: str) -> None:
    path = home / "victim"
    with changed_file(path / "run.json") as file:
        record = json.loads(file.read_text())
        record[entry] = {**record[entry], **values} if isinstance(values, dict) else values
        file.write_text(json.dumps(record))
        if expected == "none":
            read_all(home, path)
            return
        error = outcome(lambda: Run.load(path))
        assert str(error).startswith(f"{path / 'run.json'} should hold a run's record, but ")
        assert expected in str(error)


def test_a_time_without_offset_is_local(home: Path) -> None:
    path = home / "victim"
    with changed_file(path / "run.json") as file:
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, "started_at": "2020-01-01", "status": "failed"}))
        (row,) = [run for run in list_runs(home) if run.path == path]
        assert [run.path for run in runs_to_prune([row], ["failed"], 1)] in ([path], [])


def test_a_fingerprint_names_no_other_file(home: Path) -> None:
    path = home / "victim"
    with changed_file(path / "run.json") as file:
        record = json.loads(file.read_text())
        record["data"]["test"]["sha256"] = "../../../../tmp/ledger"
        file.write_text(json.dumps(record))
        assert "should hold a run's record" in str(outcome(lambda: Run.load(path)))


def test_a_network_of_another_shape_is_refused(home: Path) -> None:
    path = home / "victim"
    with changed_file(path / "run.json") as file:
        record = json.loads(file.read_text())
        record["preparation"]["height"] = 16
        for part in record["data"].values():
            part["image_shape"][0] = 16
        file.write_text(json.dumps(record))
        error = outcome(lambda: clearsight.evaluate(Run.load(path)))
        assert error is not None
