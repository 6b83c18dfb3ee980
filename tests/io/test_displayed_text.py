"""Text from elsewhere is displayed, and nothing in it is obeyed by a terminal."""

from __future__ import annotations

import io
import json

import pytest

from clearsight.io.console import TextConsole
from clearsight.io.displayed_text import displayed, displayed_json

HOSTILE = {
    "\x1b[31mred": "\\x1b[31mred",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\x9b31m": "\\x9b31m",
    "a\rb": "a\\rb",
    "a\nb": "a\\nb",
    "a\tb": "a\\tb",
    "\x7f\x08": "\\x7f\\x08",
    "cat\u202egpj.exe": "cat\\u202egpj.exe",
    "\u2066x\u2069": "\\u2066x\\u2069",
    "\u2028": "\\u2028",
    "a\u200bb\ufeff": "a\\u200bb\\ufeff",
    "\udce9\uffff": "\\udce9\\uffff",
}
HARMLESS = ["cat", "猫", "été", "🏳️\u200d🌈", "می\u200cخواهم", "a\\b", "[red]x[/red]", ":cat:"]


@pytest.mark.parametrize(("text", "expected"), HOSTILE.items())
def test_control_characters_are_displayed(text: str, expected: str) -> None:
    assert displayed(text) == expected
    assert displayed(f"{text}\n", keep_newlines=True).endswith("\n")
    values = {text: [text]}
    shown = displayed_json(json.dumps(values, ensure_ascii=False, indent=2))
    assert json.loads(shown) == values
    assert displayed(shown, keep_newlines=True) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert displayed(text) == text
    assert displayed(f"{text}\nb", keep_newlines=True) == f"{text}\nb"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_console_displays_what_it_is_given(is_terminal: bool) -> None:
    from rich.table import Table

    file = io.StringIO()
    console = TextConsole(file=file, force_terminal=is_terminal, width=200, color_system=None)
    table = Table("[bold]score", "\x1b[31m")
    for text in (*HOSTILE, *HARMLESS):
        console.print(text)
        table.add_row(text, "[link=http://evil.example]x[/link]")
    console.print(table)
    shown = file.getvalue()
    assert displayed(shown, keep_newlines=True) == shown
    for text in (*HOSTILE.values(), *HARMLESS, "[bold]score", "[link=http://evil.example]"):
        assert shown.count(text) >= 1
    console.print("one", "two", sep="\n")
    assert file.getvalue().endswith("one\ntwo\n")
