"""Where a verb's words go: results to stdout, and with ``--json`` every other word to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]


def console_for(as_json: bool) -> Console:
    """Return where a verb's words go."""
    from rich.console import Console

    is_terminal = (sys.stderr if as_json else sys.stdout).isatty()
    # Sentences wrap between words on a terminal; in a file every line stays whole.
    return Console(stderr=as_json, highlight=False, soft_wrap=not is_terminal, markup=False)


def print_json(values: Any, file: TextIO | None = None) -> None:
    """Print a result for programs, on stdout unless to a file."""
    print(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False), file=file)
