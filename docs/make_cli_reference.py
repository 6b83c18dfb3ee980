"""Write docs/cli.md from the command line's own help; `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from clearsight.cli.main import app

PAGE = Path(__file__).with_name("cli.md")


def reference() -> str:
    """Return the page: each command's help as a terminal with 80 columns shows it."""
    sections = ["# The command line\n\nMade by `make docs` from `--help`; do not edit by hand.\n"]
    for words in _commands(app, ()):
        shown = CliRunner().invoke(
            app,
            [*words, "--help"],
            prog_name="clearsight",
            terminal_width=80,
            catch_exceptions=False,
        )
        title = " ".join(("clearsight", *words))
        sections.append(f"## {title}\n\n```\n{shown.output.strip()}\n```\n")
    return "\n".join(sections)


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Iterate over what to type for a command and for all below it, in the order of `--help`."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, (*words, name))


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
