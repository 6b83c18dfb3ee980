"""Showing what a training gave, what to do next, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from clearsight.run.advise.next_step import NextStep
    from clearsight.run.advise.try_next import Tried
    from clearsight.run.store.run import Run


def show_results(run: Run, console: Console) -> None:
    """Print scores, the curve's reading, what to try next, and where the files are."""
    results = run.results
    scores = f"training {results.train_accuracy:.3f}  validation {results.val_accuracy:.3f}"
    if results.test_accuracy is not None and results.test_accuracy_interval is not None:
        low, high = results.test_accuracy_interval
        scores += (
            f"  test {results.test_accuracy:.3f} (95% interval {low:.3f} to {high:.3f}, "
            f"{results.test_count:,} images)"
        )
    console.print(f"\n{scores}")
    if results.weights_of_epoch != len(run.history):
        console.print(
            f"The weights kept are those of epoch {results.weights_of_epoch} of "
            f"{len(run.history)}, the best in validation accuracy."
        )
    if results.test_leaked_count:
        without = results.test_accuracy_without_leaked
        console.print(
            f"{results.test_leaked_count:,} of the test images also stand in training; "
            + ("no others are left" if without is None else f"without them: test {without:.3f}")
        )
    if run.record.request.no_test and run.record.data.get("test"):
        console.print(
            f"The test images stay sealed; this opens them: clearsight evaluate {run.path}"
        )
    if results.test_set_uses is not None and results.test_set_uses.sentence:
        console.print(results.test_set_uses.sentence)
    if results.first_test_labels:
        names = [run.class_names[label] for label in results.first_test_predictions]
        console.print(
            f"first test images: predicted {_listed(results.first_test_predictions)}, truth "
            f"{_listed(results.first_test_labels)} (predicted: {', '.join(names)})"
        )
    console.print(results.reading)
    _show_next(run, console)
    console.print(
        f"{results.fit_seconds:.1f} s to fit ({results.epoch_seconds:.1f} s an epoch), "
        f"{results.total_seconds:.1f} s in all"
    )
    if run.folder.curves_path.is_file():
        console.print(f"curve image: {run.folder.curves_path}")
    if run.folder.report_path.is_file():
        console.print(f"report:        {run.folder.report_path}")
    if run.folder.bundle_path.is_dir():
        console.print(f"bundle:        {run.folder.bundle_path}")
    console.print(f"run folder:    {run.path}")


def _show_next(run: Run, console: Console) -> None:
    step, command = _next_step(run)
    if step is not None:
        console.print(f"Next: {step.why}" + (f"\n  {command}" if command else ""))


def _next_step(run: Run) -> tuple[NextStep | None, str | None]:
    """Return what the curve suggests next, and the command for it, if there are any."""
    from clearsight.run.advise.command import step_command
    from clearsight.run.advise.next_step import next_step

    step = next_step(run.record, run.results.findings)
    return step, step_command(run.record, step) if step is not None else None


def results_as_json(run: Run, tried: Tried | None = None) -> dict[str, Any]:
    """Return what ``train --json`` prints, but for the notes of its plan."""
    from dataclasses import asdict

    step, command = _next_step(run)
    values: dict[str, Any] = {"run": str(run.path), **asdict(run.results)}
    values["next"] = {"why": step.why, "command": command} if step is not None else None
    if tried is not None:
        interval = tried.comparison.interval if tried.comparison is not None else None
        values["tried"] = {
            "sentence": tried.sentence,
            "val_accuracy_before": tried.validation[1],
            "val_accuracy_now": tried.validation[0],
            "interval": [interval.low, interval.high] if interval is not None else None,
            "p_value": tried.comparison.p_value if tried.comparison is not None else None,
            **results_as_json(tried.run),
        }
    return values


def _listed(labels: tuple[int, ...]) -> str:
    return f"[{' '.join(map(str, labels))}]"
