"""With ``--json`` a command that fails prints an object too, which says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import pytest

from clearsight.cli.main import app
from support.command_line import Cli, assert_refused

# Wrong input for each command that has --json.
WRONG = {
    ("train",): ("train", "no-such-source"),
    ("trace",): ("trace", "no-such-network"),
    ("evaluate",): ("evaluate", "no-such-run"),
    ("predict",): ("predict", "no-such-run", "image.png"),
    ("export",): ("export", "no-such-run"),
    ("report",): ("report", "no-such-run"),
    ("compare",): ("compare", "no-such-run", "another"),
    ("exercise",): ("exercise", "shapes", "--answers", "unreadable"),
    ("data", "list"): ("data", "list", "--no-such-option"),
    ("data", "show"): ("data", "show", "no-such-source"),
    ("data", "check"): ("data", "check", "no-such-source"),
    ("backbones",): ("backbones", "--no-such-option"),
    ("version",): ("version", "--no-such-option"),
    ("runs",): ("runs", "--no-such-option"),
    ("runs", "prune"): ("runs", "prune", "--older-than-days", "x"),
}


def commands(command: click.Command, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], bool]:
    """Return all commands, and whether each has --json."""
    context = click.Context(command)
    names = [name for each in command.get_params(context) for name in each.opts]
    found = {words: "--json" in names}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found |= commands(inner, (*words, name))
    return found


def test_wrong_input_is_known_for_each_command() -> None:
    with_json = {words for words, has_json in commands(app).items() if has_json}
    assert with_json <= set(WRONG)


@pytest.mark.parametrize("words", WRONG.values(), ids=lambda words: " ".join(words[:2]))
def test_wrong_input_is_an_object_with_the_error(words: tuple[str, ...], cli: Cli) -> None:
    done = cli(*words, "--json")
    assert_refused(done)
    assert set(json.loads(done.stdout)) == {"error"}


@pytest.mark.parametrize("mistake", [("--no-such-option",), (), ("--epochs", "two")])
def test_a_mistake_in_the_arguments_is_one_too(mistake: tuple[str, ...], cli: Cli) -> None:
    done = cli("train", *mistake, "--json")
    assert_refused(done)
    assert_refused(cli("train", *mistake))


def test_a_file_of_that_name_asks_for_nothing(cli: Cli) -> None:
    assert cli("predict", "no-such-run", "--", "--json").stdout == ""


def test_there_is_one_object_when_only_some_images_are_unreadable(
    cli: Cli, tmp_path: Path, digits_run: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "broken.png").write_bytes(b"no image")
    shutil.copy(Path(__file__).parents[2] / "docs" / "curves.png", photos / "whole.png")
    done = cli("predict", str(digits_run), str(photos), "--json")
    assert done.returncode == 2
    assert [row["image"] for row in json.loads(done.stdout)["failed"]] == [
        str(photos / "broken.png")
    ]
    shown = cli("predict", str(digits_run), str(photos))
    assert shown.returncode == 2
    assert shown.stderr.count("broken.png") == 1, "the reason is given once"
