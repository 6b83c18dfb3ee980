"""The ledger of test-set uses counts correctly, whatever happens to its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clearsight.evaluation.comparison.optimism import optimism_of_best
from clearsight.run.test_set import ledger
from clearsight.run.test_set.ledger import ledger_folder, read_uses, record_use

CORRECT = np.arange(1_000) >= 100  # nine in ten
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from clearsight.run.test_set.ledger import TestSetUse, record_use
for number in range(50):
    correct = np.random.default_rng(number).random(2_000) < 0.9
    record_use("f" * 64, TestSetUse.now(Path(sys.argv[1]) / str(number), "train", correct, 0.9))
"""


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "test_sets"


def use(run: str, correct: np.ndarray = CORRECT, command="train") -> ledger.TestSetUse:
    return ledger.TestSetUse.now(Path(run), command, correct, 0.91)


def test_uses_are_counted_for_each_test_set(caplog: pytest.LogCaptureFixture) -> None:
    assert record_use("a", use("one")).count == 1
    assert record_use("b", use("one")).count == 1
    uses = record_use("a", use("two", np.roll(CORRECT, 50)))
    assert (uses.count, uses.num_runs, caplog.text) == (2, 2, "")
    (first, _) = read_uses("a")
    assert first.run == str(Path("one").resolve())
    assert (first.accuracy, first.val_accuracy, first.num_images) == (0.9, 0.91, 1_000)


def test_a_first_use_and_the_same_network_again_give_no_warning() -> None:
    assert record_use("a", use("one")).sentence == ""
    again = record_use("a", use("one", command="evaluate"))
    assert (again.count, again.num_runs, again.optimism) == (2, 1, 0.0)
    assert again.sentence == ""


def test_choosing_among_runs_is_reported_with_its_optimism() -> None:
    rows = np.random.default_rng(0).random((3, 1_000)) < 0.9
    for number, row in enumerate(rows[:2]):
        record_use("a", use(f"run {number}", row))
    uses = record_use("a", use("run 2", rows[2]))
    expected = optimism_of_best(rows.mean(axis=1), 1_000, rows)
    assert uses.optimism == pytest.approx(expected)
    assert uses.sentence == (
        "This test set has been evaluated 3 times by 3 runs; choosing the best of them makes its "
        f"score optimistic by up to about {100 * expected:.1f} points."
    )
    assert 0.5 < 100 * expected < 1.0


def test_networks_that_agree_are_less_optimistic_than_unknown_ones() -> None:
    nearly = CORRECT.copy()
    nearly[0] = True
    record_use("a", use("one"))
    known = record_use("a", use("two", nearly))
    for name, row in (("one", CORRECT), ("two", nearly)):
        values = {**vars(use(name, row)), "correct": ""}
        unknown = record_use("b", ledger.TestSetUse(**values))
    assert 0 < known.optimism < 0.1 * unknown.optimism


def test_a_damaged_line_is_skipped_and_swallows_no_other(own_ledger: Path) -> None:
    record_use("a", use("one"))
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
    uses = record_use("a", use("two", np.roll(CORRECT, 500)))
    assert (uses.count, uses.num_runs) == (2, 2)
    assert uses.optimism == pytest.approx(optimism_of_best(np.array([0.9, 0.9]), 1_000))


@pytest.mark.parametrize("obstacle", ["a file instead of the folder", "a folder instead of a file"])
def test_a_ledger_that_cannot_be_written_gives_a_warning_and_stops_nobody(
    own_ledger: Path, obstacle: str, caplog: pytest.LogCaptureFixture
) -> None:
    if obstacle == "a file instead of the folder":
        own_ledger.parent.mkdir()
        own_ledger.write_text("")
    else:
        (own_ledger / "a.jsonl").mkdir(parents=True)
    uses = record_use("a", use("one"))
    assert (uses.count, uses.num_runs) == (1, 1)
    assert "should be recorded in" in caplog.text
    assert "CLEARSIGHT_DATA" in caplog.text


def test_concurrent_processes_lose_no_use(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / name)])
        for name in ("a", "b", "c")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    uses = read_uses("f" * 64)
    assert len(uses) == len({each.run for each in uses}) == 150


def test_it_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLEARSIGHT_DATA")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / name)
    assert ledger_folder() == tmp_path / "clearsight" / "test_sets"


def test_a_folder_whose_name_is_not_utf8_is_counted() -> None:
    run = "caf\udce9"
    record_use("a", use(run))
    uses = record_use("a", use(run, np.roll(CORRECT, 50)))
    assert (uses.count, uses.num_runs) == (2, 1)
    assert all(ledger.is_use_of(each, Path(run)) for each in read_uses("a"))
