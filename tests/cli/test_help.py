"""The help of every verb is one short line, which ``--help`` shows in full."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from clearsight.cli.main import app

MAX_CHARACTERS = 60


def groups(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    """Iterate over the commands that have verbs of their own."""
    yield path, group
    for name, verb in group.commands.items():
        if isinstance(verb, click.Group):
            yield from groups(verb, (*path, name))


VERBS: dict[tuple[str, ...], click.Command] = {
    (*path, name): verb for path, group in groups(app) for name, verb in group.commands.items()
}


def test_all_verbs_are_found() -> None:
    assert {("train",), ("data", "check"), ("runs", "prune")} < set(VERBS)


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_a_verb_is_described_by_one_short_line(path: tuple[str, ...]) -> None:
    line = (VERBS[path].help or "").partition("\n\n")[0].replace("\n", " ")
    assert 0 < len(line) <= MAX_CHARACTERS, line
    assert line[0].isupper()
    assert line.endswith(".")
    shown = CliRunner().invoke(app, [*path[:-1], "--help"], env={"COLUMNS": "80"}).stdout
    assert [line.split() for line in shown.splitlines()].count([path[-1], *line.split()]) == 1
