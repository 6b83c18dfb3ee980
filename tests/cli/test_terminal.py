"""What a user sees on a terminal: six lines before training, no silence, errors in red."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.command_line import BARE, Cli
from support.terminal import run_on_terminal

TITLES = ["network", "data", "split", "recipe", "compute", "decided"]
MAX_SILENT_SECONDS = 2.0
MAX_START_SECONDS = 4.0  # of Python itself, on a machine that runs other tests too


def summary_of(printed: str) -> list[str]:
    """Return the lines before the first epoch's, without empty ones."""
    before = re.split(r"^ *1/\d+ +loss", printed, flags=re.MULTILINE)[0]
    return [line for line in before.splitlines() if line.strip()]


def test_six_lines_say_what_will_be_trained(cli: Cli) -> None:
    done = cli("train", *BARE, "digits", "--epochs", "1")
    lines = summary_of(done.stdout)
    assert [line.split()[0] for line in lines] == TITLES
    assert "53,002 parameters, 62% of them in dense" in lines[0]
    assert "1,150 training, 288 validation and 359 test images" in lines[2]
    assert "adam with learning rate 0.001" in lines[3]
    assert re.search(r"(bfloat16|float32) on cpu with \d+ threads, seed 0 \(this mach", lines[4])
    assert "recipe lesson, the default for this source" in lines[5]


def test_a_trace_is_shown_when_it_is_asked_for(cli: Cli) -> None:
    done = cli("train", *BARE, "digits", "--epochs", "1", "--trace")
    assert done.stdout.index("Output shape") < done.stdout.index("network  lesson: 7 layers")


def test_what_was_decided_is_said_once_and_warnings_stay(cli: Cli, tmp_path: Path) -> None:
    options = ("--epochs", "1", "--train-limit", "5000", "--out", "runs", "--seeds", "2")
    done = cli("train", *BARE, "digits", *options)
    assert done.stdout.count("network  lesson") == 1
    assert done.stdout.count("fewer than the 5,000 requested") == 1
    (resumed,) = [cli("train", *BARE, "--resume", "runs/seeds/0", "--epochs", "2")]
    *titles, decided = summary_of(resumed.stdout.replace("2/2", "1/2"))
    assert [line.split()[0] for line in (*titles, decided)] == TITLES
    assert "Resuming runs/seeds/0 after 1 of 2 epochs" in decided


@pytest.mark.slow
def test_each_accuracy_stands_next_to_that_of_guessing(cli: Cli) -> None:
    done = cli("train", *BARE, "digits", "--epochs", "1", "--out", "run")
    for part, guess in (("training", 0.105), ("validation", 0.115), ("test", 0.103)):
        assert re.search(rf"^{part} +0\.\d+ \(.*{guess:.3f} by guessing\)$", done.stdout, re.M)
    evaluated = cli("evaluate", "run")
    assert "; 0.103 by guessing): " in evaluated.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "digits", "--epoch", "2"),
        ("trane",),
        ("predict",),
        ("export", "nowhere"),
        ("runs", "prune", "--keep", "x"),
    ],
)
def test_errors_are_red_on_a_terminal(arguments: tuple[str, ...]) -> None:
    session = run_on_terminal(*arguments)
    assert session.returncode == 2
    red = re.findall(r"\x1b\[31m(.*?)\x1b\[0m", session.shown)
    assert len(red) == 1, session.shown
    assert red[0].startswith(("Error: ", "clearsight: "))
    assert session.text.rstrip().endswith(red[0])


def test_no_color_and_files_are_respected(cli: Cli) -> None:
    assert "\x1b[31m" not in run_on_terminal("trane", NO_COLOR="1").shown
    assert "\x1b" not in cli("trane").stderr


def test_nothing_is_animated_on_a_terminal_that_cannot_erase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = run_on_terminal("data", "check", "digits", "--quick", TERM="dumb")
    assert session.returncode == 0, session.text
    assert not re.search("[\u2800-\u28ff]", session.text), "frames of a spinner"


@pytest.mark.slow
def test_no_command_is_silent_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    too_long = {}
    for arguments in (
        ("train", "fashion-mnist", "--epochs", "1", "--out", "run"),
        ("train", "--resume", "run", "--epochs", "2"),
        ("evaluate", "run"),
        ("report", "run"),
        ("export", "run", "--out", "bundle.zip"),
        ("export", "bundle.zip", "--check"),
        ("predict", "bundle.zip", "fashion-mnist:test[0:2000]"),
        ("compare", "run", "other"),
        ("data", "check", "digits"),
        ("serve", "bundle.zip", "--port", "0"),
    ):
        if "other" in arguments and not Path("other").exists():
            shutil.copytree("run", "other")
        stop_at = "Ctrl-C stops it" if arguments[0] == "serve" else ""
        session = run_on_terminal(*arguments, columns=60, stop_at=stop_at)
        assert session.returncode in (0, 2), session.text[-2_000:]
        if session.longest_gap > MAX_SILENT_SECONDS:
            too_long[arguments] = (session.longest_gap, session.before_gap)
        if session.start_gap > MAX_START_SECONDS:
            too_long[arguments] = (session.start_gap, "")
        lines = session.text.replace("\r", "\n").split("\n")
        assert max(map(len, lines)) <= 80, arguments
    assert not too_long
