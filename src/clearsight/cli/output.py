"""What commands have in common: consoles, the option ``--json``, and checks of files to write."""

from __future__ import annotations

import json
import os
import shutil
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from clearsight.errors import RequestError
from clearsight.io.displayed_text import displayed, displayed_json
from clearsight.io.phases import cleared_line

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.io.text_table import TextTable

PATH = click.Path(path_type=Path)
ERROR, WARNING = "red", "yellow"  # styles of messages


class _OutputPath(click.Path):
    """The path of a file or folder to write; that of what it leads to if it is a link.

    Otherwise the link would be replaced, because files are written next to their path first.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path: Any = super().convert(value, param, ctx)
        leads_to = Path(os.path.realpath(path))
        # A link to a pipe, such as /dev/stdout, leads to no path.
        return leads_to if path.is_symlink() and leads_to.exists() == path.exists() else path


OUTPUT_PATH = _OutputPath(path_type=Path)

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object on stdout and nothing else there.",
)


allow_download_option = click.option(
    "--allow-download",
    is_flag=True,
    help="Download the images that the run names, if they are not on this machine.",
)


def console_for(as_json: bool) -> TextConsole:
    """Return the console for a command's messages: stdout, or stderr next to a JSON object."""
    from clearsight.io.console import TextConsole

    # Sentences wrap between words where lines are limited; in a file every line stays whole.
    limited = _is_limited(sys.stderr if as_json else sys.stdout)
    return TextConsole(stderr=as_json, soft_wrap=not limited)


def _is_limited(stream: TextIO) -> bool:
    """Return whether lines have a width: on a terminal, or if a number of columns is given."""
    return stream.isatty() or "COLUMNS" in os.environ


def columns_of(console: TextConsole) -> int | None:
    """Return how many columns a table may have; None for any number, in a file."""
    return None if console.soft_wrap else console.width


def printed_columns() -> int | None:
    """Return `columns_of` a console on stdout, without importing rich."""
    return shutil.get_terminal_size().columns if _is_limited(sys.stdout) else None


def print_table(table: TextTable, console: TextConsole) -> None:
    """Print a table that fits the console."""
    lines = table.lines(columns_of(console))
    console.print(*lines, sep="\n", soft_wrap=True)


def print_lines(text: str, console: TextConsole) -> None:
    """Print text of several lines; all else is printed as one line, even with a newline in it."""
    console.print(*text.split("\n"), sep="\n")


def print_message(message: object, style: str = "") -> None:
    """Print a sentence as one line on stderr, whatever the names that it quotes.

    On a terminal it has a style: `ERROR`, `WARNING` or none. NO_COLOR leaves colours out.
    """
    text = displayed(str(message))
    with cleared_line():
        if not style or not sys.stderr.isatty():
            print(text, file=sys.stderr)
            return
        from rich.text import Text

        from clearsight.io.console import TextConsole

        TextConsole(stderr=True).print(Text(text, style=style), soft_wrap=True)


def check_new_file(path: Path | None, option: str, suffix: str = "") -> None:
    """Check that a file to write does not exist yet, and how its name ends.

    Args:
        path: of the file; None is fine.
        option: the command's option for it.
        suffix: that the name must end in, e.g. ".png".

    Raises:
        RequestError: when it exists or ends otherwise.
    """
    if path is None:
        return
    if os.path.lexists(path):
        raise RequestError(f"{path} exists and is never overwritten: choose another with {option}.")
    if suffix and path.suffix.lower() != suffix:
        raise RequestError(
            f"{option} writes {suffix[1:].upper()}, but {path} does not end in {suffix}."
        )


def free_paths_here(source: str, what: str, *suffixes: str) -> tuple[Path, ...] | None:
    """Return new paths in the current folder, such as ``photos-check.html`` and ``.csv``.

    Args:
        source: that the files are about.
        what: they hold, e.g. "check".
        *suffixes: one for each file.

    Returns:
        The paths, of one number if others are taken; None if the current folder is part of the
        source, which a file there would change.
    """
    given = Path(source)
    if given.is_dir() and Path.cwd().is_relative_to(given.resolve()):
        return None
    name = given.resolve().stem if given.is_file() else given.resolve().name
    for number in count(1):
        ending = "" if number == 1 else f"-{number}"
        paths = tuple(Path(f"{name}-{what}{ending}{suffix}") for suffix in suffixes)
        if not any(map(os.path.lexists, paths)):
            return paths
    raise AssertionError("numbers never end")


def print_json(values: Any, file: TextIO | None = None) -> None:
    """Print a result as JSON, on stdout unless a file is given."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    print(displayed_json(text), file=file)
