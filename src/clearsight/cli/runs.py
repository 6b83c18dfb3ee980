"""``clearsight runs``: the list of runs with their state, and deleting some of them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.examples import examples
from clearsight.cli.output import PATH, console_for, json_option, print_json, print_table
from clearsight.errors import RequestError, RunError
from clearsight.io.text_table import TextTable

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.run.store.listing import ListedRun

_RUNS = Path("runs")
_PRUNABLE_STATES = ("failed", "interrupted", "finished")
_MEGABYTE = 1e6

_folder_option = click.option(
    "--folder", metavar="DIR", type=PATH, default=_RUNS, help="The folder of the runs."
)


@click.group(invoke_without_command=True, epilog=examples("runs"))
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


@runs.command("prune", epilog=examples("runs prune --state failed --state interrupted"))
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
    """Print a line for each run, with the columns in which they differ."""
    folder = found[0].path.parent
    columns = {
        "run": [run.path.name for run in found],
        "state": [run.state for run in found],
        "source": [Path(run.source).name for run in found],
        "model": [Path(run.model).name for run in found],
        **_options_of(found),
        "seeds": [str(run.num_seeds or 1) for run in found],
        "epochs": [f"{run.epochs_done}/{run.epochs}" for run in found],
        "val": [_accuracy(run.val_accuracy, is_best=run.is_best) for run in found],
        "test": [_accuracy(run.test_accuracy) for run in found],
    }
    same = {name: cells[0] for name, cells in columns.items() if len(set(cells)) == 1}
    known = [f"{name} {same[name]}" for name in ("source", "model", "state") if name in same]
    what = "1 run" if len(found) == 1 else f"{len(found)} runs"
    size = sum(run.size_bytes for run in found) / _MEGABYTE
    console.print(f"{what} in {folder}, {size:,.1f} MB{': ' * bool(known)}{', '.join(known)}")
    shown = {
        name: cells
        for name, cells in columns.items()
        if name in ("run", "epochs", "val", "test") or name not in same
    }
    num_left = 1 + sum(name in shown for name in ("state", "source", "model"))
    print_table(TextTable(list(zip(*shown.values(), strict=True)), tuple(shown), num_left), console)
    if any(run.is_best for run in found):
        console.print("* the best on its images, which `runs prune` keeps")
    if any(run.num_seeds for run in found):
        console.print("Of several seeds, epochs are summed and accuracies are means.")
    for run in found:
        if run.why:
            console.print(f"{run.path.name} is {run.state}: {run.why}")


def _options_of(found: list[ListedRun]) -> dict[str, list[str]]:
    """Return the options that were given to some of the runs, other than "epochs"."""
    names = dict.fromkeys(name for run in found for name in run.given if name != "epochs")
    return {name: [_option(run.options.get(name)) for run in found] for name in names}


def _option(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _accuracy(value: float | None, *, is_best: bool = False) -> str:
    return "-" if value is None else f"{value:.3f}{'*' if is_best else ''}"


def _to_json(run: ListedRun) -> dict[str, Any]:
    return {**asdict(run), "path": str(run.path)}
