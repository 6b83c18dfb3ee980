"""The help of every command is one short line, which ``--help`` shows in full."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from clearsight.cli.main import app

MAX_CHARACTERS = 60


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Iterate over all commands, and what to type for each."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(app))


def test_all_commands_are_found() -> None:
    assert {("train",), ("data", "check"), ("runs", "prune")} < set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_is_described_by_one_short_line(path: tuple[str, ...]) -> None:
    line = (COMMANDS[path].help or "").partition("\n\n")[0].replace("\n", " ")
    assert 0 < len(line) <= MAX_CHARACTERS, line
    assert line[0].isupper()
    assert line.endswith(".")
    shown = CliRunner().invoke(app, [*path[:-1], "--help"], env={"COLUMNS": "80"}).stdout
    assert [line.split() for line in shown.splitlines()].count([path[-1], *line.split()]) == 1
