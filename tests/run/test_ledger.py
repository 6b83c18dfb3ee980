"""The ledger of test sets: it counts right, whatever happens to its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clearsight.evaluation.comparison.optimism import optimism_of_best
from clearsight.run.test_set.ledger import Look, ledger_folder, read_looks, record_look

RIGHT = np.arange(1_000) >= 100  # nine in ten
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from clearsight.run.test_set.ledger import Look, record_look
for number in range(50):
    right = np.random.default_rng(number).random(2_000) < 0.9
    record_look("f" * 64, Look.at(Path(sys.argv[1]) / str(number), "train", right, 0.9))
"""


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "test_sets"


def look(run: str, right: np.ndarray = RIGHT, what="train") -> Look:
    return Look.at(Path(run), what, right, 0.91)


def test_looks_are_counted_for_each_test_set() -> None:
    assert record_look("a", look("one")).count == 1
    assert record_look("b", look("one")).count == 1
    looks = record_look("a", look("two", np.roll(RIGHT, 50)))
    assert (looks.count, looks.num_runs, looks.note) == (2, 2, "")
    (first, _) = read_looks("a")
    assert first.run == str(Path("one").resolve())
    assert (first.accuracy, first.val_accuracy, first.num_images) == (0.9, 0.91, 1_000)


def test_nothing_is_said_of_a_first_look_nor_of_the_same_network_again() -> None:
    assert record_look("a", look("one")).sentence == ""
    again = record_look("a", look("one", what="evaluate"))
    assert (again.count, again.num_runs, again.optimism) == (2, 1, 0.0)
    assert again.sentence == ""


def test_choosing_among_runs_is_said_with_what_it_gains() -> None:
    rows = np.random.default_rng(0).random((3, 1_000)) < 0.9
    for number, row in enumerate(rows[:2]):
        record_look("a", look(f"run {number}", row))
    looks = record_look("a", look("run 2", rows[2]))
    expected = optimism_of_best(rows.mean(axis=1), 1_000, rows)
    assert looks.optimism == pytest.approx(expected)
    assert looks.sentence == (
        "This test set has been looked at 3 times by 3 runs; choosing the best of them makes its "
        f"score optimistic by up to about {100 * expected:.1f} points."
    )
    assert 0.5 < 100 * expected < 1.0


def test_networks_that_answer_alike_flatter_less_than_those_of_which_it_is_not_known() -> None:
    nearly = RIGHT.copy()
    nearly[0] = True
    record_look("a", look("one"))
    known = record_look("a", look("two", nearly))
    for name, row in (("one", RIGHT), ("two", nearly)):
        values = {**vars(look(name, row)), "correct": ""}
        unknown = record_look("b", Look(**values))
    assert 0 < known.optimism < 0.1 * unknown.optimism


def test_a_damaged_line_is_skipped_and_swallows_no_other(own_ledger: Path) -> None:
    record_look("a", look("one"))
    path = own_ledger / "a.jsonl"
    whole = path.read_bytes().strip()
    path.write_bytes(
        b"\xff\xfe nonsense\n[1, 2]\n{}\n"
        + whole.replace(b"0.9,", b"9.0,")
        + b"\n"
        + whole.replace(b'"correct": "', b'"correct": "?')
        + b"\n"
        + whole[:40]  # as a machine that lost power leaves it
    )
    looks = record_look("a", look("two", np.roll(RIGHT, 500)))
    assert (looks.count, looks.num_runs) == (2, 2)
    assert looks.optimism == pytest.approx(optimism_of_best(np.array([0.9, 0.9]), 1_000))


@pytest.mark.parametrize("what", ["a file in the way", "a folder in its place"])
def test_a_ledger_that_cannot_be_written_is_noted_and_stops_nobody(
    own_ledger: Path, what: str
) -> None:
    if what == "a file in the way":
        own_ledger.parent.mkdir()
        own_ledger.write_text("")
    else:
        (own_ledger / "a.jsonl").mkdir(parents=True)
    looks = record_look("a", look("one"))
    assert (looks.count, looks.num_runs) == (1, 1)
    assert "should be recorded in" in looks.note
    assert "CLEARSIGHT_DATA" in looks.note


def test_processes_at_the_same_time_lose_no_look(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / name)])
        for name in ("a", "b", "c")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    looks = read_looks("f" * 64)
    assert len(looks) == len({one.run for one in looks}) == 150


def test_it_lies_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLEARSIGHT_DATA")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / name)
    assert ledger_folder() == tmp_path / "clearsight" / "test_sets"
