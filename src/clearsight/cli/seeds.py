"""Showing what trainings with several seeds gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearsight.cli.output import print_json

if TYPE_CHECKING:
    from rich.console import Console

    from clearsight.run.seeds.runs import SeedRuns


def show_seeds(runs: SeedRuns, console: Console, as_json: bool) -> None:
    """Print the table of members, or one JSON object."""
    if as_json:
        print_json({"run": str(runs.path), **runs.to_json()})
        return
    console.print(f"\n{runs}")
    console.print(f"folder of all: {runs.path}")
