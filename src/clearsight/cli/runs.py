"""``clearsight runs``: the list of runs with their state, and deleting some of them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.output import PATH, console_for, json_option, print_json
from clearsight.errors import RequestError, RunError

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.run.store.listing import ListedRun

_RUNS = Path("runs")
_PRUNABLE_STATES = ("failed", "interrupted", "finished")
_MEGABYTE = 1e6

_folder_option = click.option(
    "--folder", metavar="DIR", type=PATH, default=_RUNS, help="The folder of the runs."
)


@click.group(invoke_without_command=True)
@_folder_option
@json_option
@click.pass_context
def runs(context: click.Context, folder: Path, as_json: bool) -> None:
    """List and clean up runs."""
    if context.invoked_subcommand is not None:
        if folder != _RUNS or as_json:
            raise RequestError(
                "--folder and --json should follow the subcommand, e.g. `clearsight runs prune "
                "--folder DIR`, but come before it."
            )
        return
    from clearsight.run.store.listing import list_runs

    found = list_runs(folder)
    if as_json:
        print_json({"runs": [_to_json(run) for run in found]})
        return
    console = console_for(as_json)
    if not found:
        console.print(f"There are no runs in {folder}.")
        return
    _show(found, console)


@runs.command("prune")
@_folder_option
@click.option(
    "--state",
    "states",
    type=click.Choice(_PRUNABLE_STATES),
    multiple=True,
    default=("failed",),
    help="Only runs in this state; may be repeated.",
)
@click.option(
    "--older-than-days",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Only runs that started at least this many days ago.",
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@json_option
def prune(
    folder: Path, states: tuple[str, ...], older_than_days: float, yes: bool, as_json: bool
) -> None:
    """Delete failed or old runs, after confirmation.

    Damaged runs, and those that a process writes to, are never deleted, nor, for each set of
    images, the run with the highest validation accuracy.
    """
    from clearsight.io.temporary import remove_deleted
    from clearsight.run.store.deletion import runs_to_prune
    from clearsight.run.store.listing import list_runs

    found, console = list_runs(folder), console_for(as_json)
    doomed = runs_to_prune(found, states, older_than_days)
    running = [str(run.path) for run in found if run.state == "running"]
    left = {path: f"A process writes to {path}." for path in running}
    if doomed:
        _show(doomed, console)
        total = sum(run.size_bytes for run in doomed) / _MEGABYTE
        console.print(f"{len(doomed)} to delete, {total:,.1f} MB.")
    else:
        wanted = " or ".join(states)
        console.print(f"There is nothing to delete in {folder}: no run that is {wanted}.")
    is_confirmed = bool(doomed) and (yes or _confirm(as_json))
    if is_confirmed:
        # Confirming may have taken long, and one of them may have been resumed in the meantime.
        now = {run.path for run in runs_to_prune(list_runs(folder), states, older_than_days)}
        left |= _delete(doomed, now)
        doomed = [run for run in doomed if str(run.path) not in left]
        if doomed:
            console.print(f"Deleted {len(doomed)}.")
    elif doomed:
        console.print("Nothing was deleted; --yes deletes without asking.")
    for why in left.values():
        console.print(f"Left as it is: {why}")
    remove_deleted(folder)  # what a killed process left half deleted
    if as_json:
        runs = [_to_json(run) for run in doomed]
        print_json({"runs": runs, "deleted": is_confirmed, "left": left})


def _delete(doomed: list[ListedRun], may_be_deleted: set[Path]) -> dict[str, str]:
    """Delete runs, and return why others are left, by path."""
    from clearsight.run.store.deletion import delete_run

    left = {}
    for run in doomed:
        if run.path not in may_be_deleted:
            left[str(run.path)] = f"{run.path} has changed since it was listed."
            continue
        try:
            delete_run(run.path)
        except RunError as error:
            left[str(run.path)] = str(error)
    return left


def _confirm(as_json: bool) -> bool:
    """Ask for confirmation on a terminal; elsewhere it is refused."""
    return not as_json and sys.stdin.isatty() and click.confirm("Delete them?")


def _show(found: list[ListedRun], console: TextConsole) -> None:
    for run in found:
        scores = [f"epoch {run.epochs_done} of {run.epochs}"]
        if run.num_seeds is not None:
            scores = [f"{run.num_seeds} seeds, {scores[0]} in all, means:"]
        if run.val_accuracy is not None:
            scores.append(f"val_accuracy {run.val_accuracy:.3f}")
        if run.test_accuracy is not None:
            scores.append(f"test_accuracy {run.test_accuracy:.3f}")
        if run.state == "damaged":
            scores = []
        scores.append(f"{run.size_bytes / _MEGABYTE:,.1f} MB")
        console.print(f"{run.path}{'  (best)' if run.is_best else ''}")
        why = f" {run.why}" if run.why.startswith("in ") else f": {run.why}" if run.why else ""
        console.print(f"    {run.state}{why}")
        console.print(f"    {'  '.join(scores)}")


def _to_json(run: ListedRun) -> dict[str, Any]:
    return {**asdict(run), "path": str(run.path)}
