"""A program says what it is doing if that takes long, and says nothing if it does not."""

from __future__ import annotations

import io
import time

import pytest

from clearsight.io import phases as phases_module
from clearsight.io.console import TextConsole
from clearsight.io.phases import Phases, cleared_line


@pytest.fixture(autouse=True)
def short_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases_module, "_QUIET_SECONDS", 0.1)


def test_without_a_terminal_only_long_phases_get_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    phases = Phases(TextConsole())
    with phases.show("doing something short"):
        pass
    time.sleep(0.05)  # something else
    with phases.show("doing something long"), phases.show("decoding", 20) as show:
        show(5)
        time.sleep(0.3)
    printed = capsys.readouterr()
    assert printed.out == "", "standard output is for results"
    assert sorted(printed.err.splitlines()) == ["decoding  5 of 20 ...", "doing something long ..."]


def test_many_short_phases_are_not_silent_either(capsys: pytest.CaptureFixture[str]) -> None:
    phases = Phases(TextConsole())
    for number in range(8):
        with phases.show(f"step {number}"):
            time.sleep(0.04)
    assert 1 <= len(capsys.readouterr().err.splitlines()) <= 4


def test_a_terminal_shows_the_inner_phase_with_its_count_and_clears_it() -> None:
    screen = io.StringIO()
    console = TextConsole(file=screen, force_terminal=True, width=60)
    with Phases(console).show("reading the images") as announce:
        announce("reading \x1b[31m names")
        time.sleep(0.15)
        with Phases(console).show("unused"), cleared_line():
            pass
    shown = screen.getvalue()
    assert "reading \\x1b[31m names" in shown
    assert shown.endswith("\x1b[2K"), "the line is taken away"


def test_a_quiet_console_stays_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with Phases(TextConsole(quiet=True)).show("anything"):
        time.sleep(0.2)
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
