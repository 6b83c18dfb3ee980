"""`RunSummary`: what a run has shown so far, for its report and for notebooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.evaluation.curve.context import CurveContext
from clearsight.evaluation.curve.reading import CurveReading, read_curve
from clearsight.evaluation.intervals.estimate import estimate_fraction
from clearsight.evaluation.scores.guessing import PartAccuracy
from clearsight.report.page import Advice
from clearsight.run.advise.command import step_command
from clearsight.run.advise.next_step import next_step
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results
from clearsight.training.history import History


@dataclass(frozen=True)
class RunSummary:
    """What a run has shown so far.

    Attributes:
        title: network and source.
        accuracies: of each set of images, the test set first if there is one.
        remarks: what must be known besides the accuracies.
        advice: findings about the training curve, and the next step.
    """

    title: str
    accuracies: Sequence[PartAccuracy]
    remarks: Sequence[str]
    advice: Sequence[Advice]


def summarize_run(folder: RunFolder, record: RunRecord) -> RunSummary:
    """Summarize a run, finished or not, from its files.

    Raises:
        RunError: when they are damaged.
    """
    history, results = folder.read_history(), folder.read_results()
    return RunSummary(
        title=f"{Path(record.request.model).name} on {Path(record.request.source).name}",
        accuracies=_accuracies(record, results, history),
        remarks=_remarks(record, results, history),
        advice=_advice(folder, record, results, history),
    )


def read_run_curve(record: RunRecord, history: History) -> CurveReading:
    """Read the curve of a run by itself: at least one epoch."""
    num_val = record.split.num_validation
    return read_curve(history, CurveContext(record.num_train, num_val, record.steps_per_epoch))


def _accuracies(
    record: RunRecord, results: Results | None, history: History
) -> tuple[PartAccuracy, ...]:
    if results is not None:
        return results.accuracies
    if not history:
        return ()
    split = record.split
    num_correct = round(history[-1].val_accuracy * split.num_validation)
    accuracy = estimate_fraction(num_correct, split.num_validation)
    return (PartAccuracy("validation", accuracy, split.val_guessing_accuracy),)


def _remarks(record: RunRecord, results: Results | None, history: History) -> list[str]:
    remarks = []
    if record.status != "finished":
        why = record.failed_because or (
            f"interrupted in {record.interrupted_at}" if record.interrupted_at else record.status
        )
        remarks.append(f"This run has not finished: {why}")
    return remarks if results is None else [*remarks, *results.remarks(len(history))]


def _advice(
    folder: RunFolder, record: RunRecord, results: Results | None, history: History
) -> tuple[Advice, ...]:
    if results is not None:
        advice = [Advice(finding.sentence) for finding in results.findings]
        step = next_step(record, results.findings)
        return (*advice, Advice(step.why, step_command(record, step))) if step else (*advice,)
    resume = Advice("The run has not finished. Resume it:", folder.resume_command)
    return (Advice(read_run_curve(record, history).sentence), resume) if history else (resume,)
