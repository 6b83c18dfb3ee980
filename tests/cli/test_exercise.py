"""``clearsight exercise``: answers are compared with the built network, also on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.errors import RequestError, RunError
from clearsight.run.exercises.exercise_names import NAMES
from clearsight.run.exercises.exercises import EXERCISES
from support.command_line import Cli, assert_refused

CORRECT = {
    "shapes": "28x28x32, 14x14x32, 14x14x64, 7x7x64, 3136, 128, 10",
    "padding": "(26, 26, 32), (13, 13, 32), (13, 13, 64), (6, 6, 64), (2304,), 128, 10",
}


def test_the_command_line_offers_every_exercise() -> None:
    assert list(NAMES) == list(EXERCISES)


@pytest.mark.parametrize("name", CORRECT)
def test_correct_answers_are_accepted(cli: Cli, name: str) -> None:
    done = cli("exercise", name, "--answers", CORRECT[name])
    assert done.returncode == 0, done.stderr
    assert "7 of 7 correct." in done.stdout
    assert "Not quite" not in done.stdout
    padded = "28 to 26: the filter cannot reach past the border, one pixel lost on each side"
    assert (padded in " ".join(done.stdout.split())) == (name == "padding")


def test_wrong_answers_are_explained_with_the_formula(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "answers.txt").write_text(
        "26x26x32\n14x14x32\nwhat?\n7x7x64\n(7, 7, 64)\n128\n10\n"
        "320\n0\n18,496\n0\n0\n401408\n1290\n"
    )
    done = cli("exercise", "shapes", "--parameters", "--answers", "answers.txt", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["num_correct"], found["num_questions"]) == (10, 14)
    mistakes = [row for row in found["questions"] if not row["is_correct"]]
    explanations = [row["explanation"] for row in mistakes]
    assert (
        "the answer is (28, 28, 32), not (26, 26, 32): floor((28 + 2*1 - 3)/1) + 1 = 28"
        in explanations[0]
    )
    assert "A shape should look like 28x28x32" in explanations[1]
    assert "one channel for each of the 64 filters" in explanations[1]
    assert "the answer is 3,136, not (7, 7, 64): 7*7*64 = 3136" in explanations[2]
    assert "the answer is 401,536, not 401,408: (3136 + 1)*128 = 401,536" in explanations[3]
    assert mistakes[2]["given"] == [7, 7, 64]


def test_invalid_answers_get_one_sentence(cli: Cli) -> None:
    # The standard input of tests is no terminal.
    assert_refused(cli("exercise", "shapes"), "no terminal to ask in", "--answers")
    assert_refused(cli("exercise", "shapes", "--answers", "a, b"), "none can be read. A shape")
    assert_refused(cli("exercise", "shapes", "--answers", ""), "none can be read")
    many = ", ".join(["1"] * 8)
    assert_refused(cli("exercise", "shapes", "--answers", many), "7 answers, but holds 8")


@pytest.mark.slow
def test_the_third_block_is_worked_out_and_trained(
    cli: Cli, tmp_path: Path, fashion: object
) -> None:
    answers = "28x28x32, 14x14x32, 14x14x64, 7x7x64, 7x7x64, 3x3x64, 576, 128, 10"
    arguments = ["exercise", "third-block", "--answers", answers]
    done = cli(
        *arguments, "--seeds", "2", "--epochs", "1", "--train-limit", "500", "--out", "both",
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["num_correct"] == 9
    trial = found["trial"]
    for what in ("validation", "gap"):
        low, high = trial[what]["difference_interval"]
        assert low <= trial[what]["difference"] <= high
        assert len(trial[what]["difference_by_seed"]) == 2
    assert trial["validation"]["num_images"] == 100
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"lesson", "third-block"}
    assert_refused(cli(*arguments, "--out", "both"), "both exists and is never overwritten")
    assert_refused(cli(*arguments, "--seeds", "1"), "at least 2")
    assert "trial" not in json.loads(cli(*arguments, "--seeds", "0", "--json").stdout)
    shapes = cli("exercise", "shapes", "--answers", CORRECT["shapes"], "--seeds", "2")
    assert_refused(shapes, "belong to the exercise third-block")


def test_a_terminal_is_asked_again_until_the_input_ends(tmp_path: Path) -> None:
    text, code = _at_a_terminal(["hm", "28x28x32", "14x14x3", "\x04"])
    assert "A shape should look like 28x28x32" in text
    assert "Correct: (28, 28, 32)" in text
    assert "the answer is (14, 14, 32), not (14, 14, 3)" in text
    assert "Stopped after 2 of 7 questions." in text
    assert "1 of 2 correct." in text
    assert code == 0


def test_ctrl_c_stops_at_once_without_a_traceback(tmp_path: Path) -> None:
    text, code = _at_a_terminal(["28x28x32", "\x03"])
    assert "Stopped after 1 of 7 questions." in text
    assert "Traceback" not in text
    assert code == 128 + signal.SIGINT


def _at_a_terminal(lines: list[str]) -> tuple[str, int]:
    """Answer ``clearsight exercise shapes`` on a pseudo-terminal, one line per question."""
    program = str(Path(sys.executable).with_name("clearsight"))
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # as on a terminal, however tests are run
        os.execvpe(program, [program, "exercise", "shapes"], {**os.environ, "COLUMNS": "100"})
    shown, given = b"", 0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 5.0)[0]:
            # Typed too early, so type it again, but not while the program ends.
            if given and lines[given - 1] < " " and b"Stopped" not in shown:
                os.write(terminal, lines[given - 1].encode())
            continue
        try:
            block = os.read(terminal, 65536)
        except OSError:  # on Linux, when the other end has been closed
            break
        if not block:
            break
        shown += block
        if given < len(lines) and shown.count(b"  > ") > given:
            line = lines[given]
            os.write(terminal, (line if line < " " else f"{line}\n").encode())
            given += 1
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return shown.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)


def test_python_shows_the_questions_and_checks_the_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in NAMES:
        asked = clearsight.exercise(name)
        shown = capsys.readouterr().out
        assert len(asked.questions) == shown.count("output shape?")
        assert not asked.checked
    answers = [(28, 28, 32), (None, 14, 14, 32), [14, 14, 3], "7x7x64", 3136, np.int64(128)]
    attempt = clearsight.exercise("shapes", [*answers, None])
    assert [each.is_correct for each in attempt.checked] == [True, True, False, *[True] * 3, False]
    shown = capsys.readouterr().out
    assert "the answer is (14, 14, 64), not (14, 14, 3): floor((14 + 2*1 - 3)/1) + 1" in shown
    assert shown.splitlines()[-1] == "5 of 7 correct."
    assert repr(attempt) == "Attempt(shapes: 5 of 7 correct.)"
    attempt = clearsight.exercise("padding", CORRECT["padding"], parameters=True, verbose=False)
    assert (attempt.num_correct, len(attempt.questions)) == (7, 14)
    assert attempt.to_json()["changes"]
    assert capsys.readouterr().out == ""


def test_invalid_calls_from_python_get_one_sentence(tmp_path: Path) -> None:
    for arguments, options, message in (
        (("shape",), {}, "Did you mean 'shapes'"),
        (("shapes", [1] * 8), {}, "7 answers, but holds 8"),
        (("shapes", "a, b"), {}, "none can be read. A shape"),
        (("shapes",), {"seeds": 2}, "belong to the exercise third-block"),
        (("third-block",), {"seeds": 1}, "at least 2"),
        (("third-block",), {"epochs": 0}, "epochs = 0"),
        (("third-block",), {"epoch": 1}, "there is no option 'epoch'"),
    ):
        with pytest.raises(RequestError, match=message):
            clearsight.exercise(*arguments, **options)
    with pytest.raises(RunError, match="exists and is never overwritten"):
        clearsight.exercise("third-block", out=tmp_path)


@pytest.mark.slow
def test_python_trains_the_third_block(tmp_path: Path, fashion: object) -> None:
    answers = "28x28x32, 14x14x32, 14x14x64, 7x7x64, 7x7x64, 3x3x64, 576, 128, 10"
    attempt = clearsight.exercise(
        "third-block", answers, seeds=2, epochs=1, train_limit=500, out=tmp_path / "both"
    )
    assert attempt.num_correct == 9
    assert attempt.trial is not None
    assert len(attempt.trial.validation.by_seed) == 2
    assert list(attempt.trial_lines())[-2:] == list(attempt.trial.sentences)
