"""Carrying out a training: fit, measure on the test pictures, write everything down."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from clearsight.engine.device import on_device
from clearsight.errors import MissingExtraError, TrainingInterrupted
from clearsight.evaluation.curve import CurveReading, read_curve
from clearsight.evaluation.intervals import wilson_interval
from clearsight.evaluation.metrics import score_of
from clearsight.report.curves import write_curves
from clearsight.run.folder import Results, RunFolder, RunRecord
from clearsight.run.plan import Plan, plan_resumption, plan_training
from clearsight.run.request import train_request
from clearsight.run.saved import Run, predict_probabilities, save_finished_model, save_model
from clearsight.run.short_check import leaks
from clearsight.run.split_file import write_split
from clearsight.training.callbacks import StopRequested
from clearsight.training.fit import fit_model
from clearsight.training.history import History, write_history
from clearsight.training.progress import Progress

_NUM_SHOWN = 5


def train(source: Any, *, verbose: bool = True, **options: Any) -> Run:
    """Train a network on a source of pictures, and measure what it learned.

    Args:
        source: a source's name such as "fashion-mnist", the path of a folder or file of pictures,
            or an object: arrays (x, y) or ((x, y), (x_test, y_test)), an `ImageSet`, `Splits`, a
            torch Dataset, an iterable of (image, label).
        verbose: print a line an epoch (and a live bar on a terminal).
        **options: the fields of `TrainRequest`: model, model_arguments, recipe, epochs,
            batch_size, learning_rate, validation_split, train_limit, test_limit, seed, engine,
            precision, device, out; and of `SourceOptions`: image_size, resize, channels,
            test_split, data_dir, ...

    Returns:
        The finished run, whose folder holds everything.

    Raises:
        ClearsightError: of the kind that fits, when something asked for is wrong; nothing has been
            written then.
        TrainingInterrupted: after Ctrl-C, when what was trained has been saved.
        OutputError: when the run's files cannot be written; `resume` goes on once they can.

    Example:
        >>> import tempfile, pathlib
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> run = train("digits", epochs=2, out=out, verbose=False)
        >>> run.results.test_count
        359
    """
    plan = plan_training(train_request(source, **options))
    return carry_out(plan, _progress(verbose))


def resume(path: str | Path, *, epochs: int | None = None, verbose: bool = True) -> Run:
    """Go on with a run that was interrupted, or give a finished one more epochs.

    Args:
        path: the run's folder.
        epochs: how many epochs it shall have in all; None for what it was asked for.
        verbose: as for `train`.

    Raises:
        RunError: when there is nothing to go on with or its pictures are no longer the same.
        TrainingInterrupted: as for `train`.
    """
    return carry_out(plan_resumption(Path(path), epochs), _progress(verbose))


def carry_out(plan: Plan, progress: Progress) -> Run:
    """Train as planned; see `train`."""
    for note in plan.notes:
        progress.announce(f"Note: {note}")
    data = plan.fit_data()
    if plan.resumes:
        folder = RunFolder.existing(plan.path)
    else:
        folder = RunFolder.create(plan.path, is_named=plan.path_is_named)
    record = plan.record.model_copy(update={"status": "running", "interrupted_at": None})
    folder.write_record(record)
    write_split(plan.splits, plan.split, folder.split_path)
    folder.results_path.unlink(missing_ok=True)  # of a finished run that gets more epochs

    def keep(history: History) -> None:
        save_model(plan.model, folder)
        write_history(history, folder.history_path)

    try:
        with on_device(record.device):
            history = fit_model(
                plan.model,
                data,
                record.recipe,
                earlier=plan.earlier,
                on_epoch=keep,
                progress=progress,
            )
            save_finished_model(plan.model, folder)
            _measure(plan, folder, history)
    except StopRequested as stop:
        raise _interrupted(plan, folder, record, stop) from None
    except KeyboardInterrupt:
        folder.write_record(record.model_copy(update={"status": "interrupted"}))
        raise TrainingInterrupted(
            f"Interrupted at once. What the last finished epoch gave is kept in {folder.path}. "
            f"Go on with: {folder.resume_command}",
            str(folder.path),
        ) from None
    except BaseException:
        folder.write_record(record.model_copy(update={"status": "failed"}))
        raise
    folder.write_record(record.model_copy(update={"status": "finished"}))
    return Run.load(folder.path)


def _progress(verbose: bool) -> Progress:
    return Progress(Console()) if verbose else Progress.silent()


def _measure(plan: Plan, folder: RunFolder, history: History) -> None:
    """Open the test pictures, once, and write ``results.json`` and ``curves.png``."""
    num_train, num_val = len(plan.split.train), len(plan.split.validation)
    reading = read_curve(history, num_train, num_val)
    last, test = history[-1], plan.splits.test
    score, shown, num_leaked, without_leaked = None, (), 0, None
    if test is not None:
        probabilities = predict_probabilities(
            plan.model, plan.preparation, test.images, plan.record.recipe
        )
        score = score_of(probabilities, test.labels)
        shown = tuple(probabilities[:_NUM_SHOWN].argmax(axis=1).tolist())
        leaked = leaks(plan.splits, plan.split)
        num_leaked = leaked.num_test
        without_leaked = leaked.accuracy_without(probabilities, test.labels)
    results = Results(
        train_accuracy=last.accuracy,
        train_count=num_train,
        train_accuracy_interval=_interval(last.accuracy, num_train),
        val_accuracy=last.val_accuracy,
        val_count=num_val,
        val_accuracy_interval=_interval(last.val_accuracy, num_val),
        test_accuracy=score.accuracy if score else None,
        test_count=score.num_images if score else 0,
        test_accuracy_interval=(score.interval.low, score.interval.high) if score else None,
        test_loss=score.loss if score else None,
        first_test_predictions=shown,
        first_test_labels=tuple(test.labels[:_NUM_SHOWN].tolist()) if test is not None else (),
        reading=reading.sentence,
        gap=reading.gap,
        gap_interval=(reading.gap_interval.low, reading.gap_interval.high),
        best_epoch=reading.best_epoch,
        fit_seconds=sum(epoch.seconds for epoch in history),
        epoch_seconds=statistics.median(epoch.seconds for epoch in history),
        total_seconds=time.perf_counter()
        - plan.planned_at
        + sum(epoch.seconds for epoch in plan.earlier),
        test_leaked_count=num_leaked,
        test_accuracy_without_leaked=without_leaked,
    )
    folder.write_results(results)
    _write_picture(plan, folder, history, reading)


def _interval(accuracy: float, count: int) -> tuple[float, float]:
    interval = wilson_interval(round(accuracy * count), count)
    return interval.low, interval.high


def _write_picture(plan: Plan, folder: RunFolder, history: History, reading: CurveReading) -> None:
    num_train, num_val = len(plan.split.train), len(plan.split.validation)
    title = (
        f"{plan.record.model} on {plan.source_name}: {num_train:,} training and {num_val:,} "
        "validation pictures"
    )
    try:
        write_curves(history, reading, title, folder.curves_path)
    except MissingExtraError as error:
        print(f"No curve picture was drawn. {error}", file=sys.stderr)


def _interrupted(
    plan: Plan, folder: RunFolder, record: RunRecord, stop: StopRequested
) -> TrainingInterrupted:
    """Keep the weights as they are and say how to go on."""
    where = f"epoch {stop.epoch}, after batch {stop.num_batches}"
    save_model(plan.model, folder)
    folder.write_record(
        record.model_copy(update={"status": "interrupted", "interrupted_at": where})
    )
    done = stop.epoch - 1
    return TrainingInterrupted(
        f"Interrupted in {where}. {done} finished epoch{'' if done == 1 else 's'} and the weights "
        f"as they are now are kept in {folder.path}. Go on, with epoch {stop.epoch} from its "
        f"beginning: {folder.resume_command}",
        str(folder.path),
    )
