"""Where a verb's words go: results to stdout, and with ``--json`` every other word to stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]


def console_for(as_json: bool) -> Console:
    """Return where a verb's words go."""
    from rich.console import Console

    return Console(stderr=as_json, highlight=False, soft_wrap=True, markup=False)


def print_json(values: Any) -> None:
    """Print a result for programs."""
    print(json.dumps(values, indent=2, ensure_ascii=False))
