"""Printing the results of a run, or of runs with several seeds, and the suggested next step."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from clearsight.cli.output import print_json, print_table

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.run.advise.next_step import NextStep
    from clearsight.run.advise.try_next import NextComparison
    from clearsight.run.seeds.runs import SeedRuns
    from clearsight.run.store.results import Results
    from clearsight.run.store.run import Run
    from clearsight.training.history import Epoch


def show_results(run: Run, seconds: float, console: TextConsole) -> None:
    """Print scores, what the curve shows, the next step, the files, and the seconds in all."""
    results, folder = run.results, run.folder
    console.print()
    _show_accuracies(results, run.history[results.weights_of_epoch - 1], console)
    for remark in results.remarks(len(run.history)):
        console.print(remark)
    if run.record.request.no_test and run.record.data.get("test"):
        console.print(f"The test set is not used yet. Use it with: clearsight evaluate {run.path}")
    if results.first_test_labels:
        names = [run.class_names[label] for label in results.first_test_predictions]
        console.print(
            f"first test images: predicted {_format_labels(results.first_test_predictions)}, truth "
            f"{_format_labels(results.first_test_labels)} (predicted: {', '.join(names)})"
        )
    console.print(results.reading)
    step, command = _next_step(run)
    if step is not None:
        console.print(f"Next: {step.why}")
        if command is not None:
            console.print(f"  {command}", soft_wrap=True)
    console.print(
        f"{results.fit_seconds:.1f} s to fit ({results.epoch_seconds:.1f} s per epoch), "
        f"{seconds:.1f} s in all"
    )
    for title, path in (
        ("curve image", folder.curves_path),
        ("report", folder.report_path),
        ("bundle", folder.bundle_path),
        ("run folder", run.path),
    ):
        if path.exists():
            console.print(f"{f'{title}:':<14} {path}")
    if folder.bundle_path.exists():
        words = ["clearsight", "predict", str(run.path), "IMAGES"]
        console.print(f"{'classify with:':<14} {shlex.join(words)}", soft_wrap=True)


def _show_accuracies(results: Results, epoch: Epoch, console: TextConsole) -> None:
    """Print the accuracies of the saved network, each next to that of guessing.

    Next to training accuracy is also the one that the line of its epoch has.
    """
    from clearsight.evaluation.scores.guessing import by_guessing

    console.print("Accuracy:")
    for part, accuracy, guessing in (
        ("training", results.train_accuracy, results.train_guessing_accuracy),
        ("validation", results.val_accuracy, results.val_guessing_accuracy),
        ("test", results.test_accuracy, results.test_guessing_accuracy),
    ):
        if accuracy is None:
            continue
        details = [by_guessing(guessing)] if guessing is not None else []
        if part == "test" and results.test_accuracy_interval is not None:
            low, high = results.test_accuracy_interval
            details.insert(
                0, f"95% interval {low:.3f} to {high:.3f}, {results.test_count:,} images"
            )
        if part == "training":
            details.insert(0, f"{epoch.accuracy:.3f} averaged over epoch {epoch.epoch}")
        known = f" ({'; '.join(details)})" if details else ""
        console.print(f"{part:<11} {accuracy:.3f}{known}")


def show_seeds(runs: SeedRuns, console: TextConsole, as_json: bool) -> None:
    """Print the table of members, or one JSON object."""
    if as_json:
        print_json({"run": str(runs.path), **runs.to_json()})
        return
    console.print()
    print_table(runs.table, console)
    for sentence in runs.sentences:
        console.print(sentence)
    console.print(f"folder of all: {runs.path}")


def results_as_json(run: Run, comparison: NextComparison | None = None) -> dict[str, Any]:
    """Return what ``train --json`` prints, except the notes of the plan."""
    from dataclasses import asdict

    step, command = _next_step(run)
    values: dict[str, Any] = {"run": str(run.path), **asdict(run.results)}
    values["next"] = {"why": step.why, "command": command} if step is not None else None
    if comparison is not None:
        paired = comparison.paired
        values["tried"] = {
            "sentence": comparison.sentence,
            "val_accuracy_before": comparison.val_accuracy_before,
            "val_accuracy_now": comparison.val_accuracy_now,
            "interval": [paired.interval.low, paired.interval.high] if paired else None,
            "p_value": paired.p_value if paired else None,
            **results_as_json(comparison.next_run),
        }
    return values


def _next_step(run: Run) -> tuple[NextStep | None, str | None]:
    """Return what the curve suggests next, and the command for it, if there are any."""
    from clearsight.run.advise.command import step_command
    from clearsight.run.advise.next_step import next_step

    step = next_step(run.record, run.results.findings)
    return step, step_command(run.record, step) if step is not None else None


def _format_labels(labels: tuple[int, ...]) -> str:
    return f"[{' '.join(map(str, labels))}]"
