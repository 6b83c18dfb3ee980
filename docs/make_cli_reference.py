"""Write docs/cli.md from the command line's own help; `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from clearsight.cli.main import app

PAGE = Path(__file__).with_name("cli.md")
_INTRODUCTION = """# The command line

Made by `make docs` from `--help`; do not edit by hand.

`clearsight completion` installs Tab completion for bash, zsh or fish. `python -m clearsight` is the
same program as `clearsight`.

**RUN** is the path of a run's folder. It may also be the run's name in `runs/`, the beginning of
that name if no other run's begins so, or `latest`, the run that was started last; likewise
`DIR/BEGINNING` and `DIR/latest` in another folder of runs. A path that exists always means itself.

**`--out`** is where a command writes its result: the folder of a run, a bundle or page, a report,
an image, a table of predictions. Nothing is overwritten but what is made to be written again: an
older bundle, and the table of `predict`. What a command writes besides has an option of its own
that ends in `-out`. Without `--out`, images and pages are written to the current folder, and what
belongs to a run to the run's folder.

**`--json`** prints one JSON object on standard output and nothing else there; notes and warnings go
to standard error. When a command fails, the object is `{"error": "..."}`: the sentence that is also
printed on standard error. The exit code is 2 for wrong input, and 128 plus its number for a signal
(130 for Ctrl-C). `predict --json` prints its usual object when only some images cannot be read,
lists them under `"failed"`, and exits with 2.
"""


def reference() -> str:
    """Return the page: each command's help as a terminal with 80 columns shows it."""
    sections = [_INTRODUCTION]
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
