"""Carrying out a training: fit, measure on the test images, write everything down."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from rich.console import Console

from clearsight.bundle.parity import NUM_IMAGES
from clearsight.engine.keras_hooks import num_parts_of
from clearsight.engine.runtime.device import on_device
from clearsight.errors import OutputError, TrainingInterrupted
from clearsight.io.atomic import remove_temporary_files
from clearsight.run.execute.faults import told_failure
from clearsight.run.export.bundle import export_run
from clearsight.run.finish.artifacts import written_if_possible
from clearsight.run.finish.evaluate import measure
from clearsight.run.finish.final_weights import settle_weights
from clearsight.run.plan.disk_space import check_room
from clearsight.run.plan.plan import Plan, plan_training
from clearsight.run.report.report import write_report
from clearsight.run.request import train_request
from clearsight.run.resume.plan import check_current, plan_resumption, resume_request
from clearsight.run.seeds.record import is_seed_runs
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.lock import RunLock
from clearsight.run.store.machine import identity
from clearsight.run.store.record import RunRecord
from clearsight.run.store.run import Run, save_finished_model, save_model
from clearsight.run.store.split_csv import write_split
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.saving import Checkpointing, save_initial_checkpoint
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.fit import FitData, fit_model
from clearsight.training.history import write_history
from clearsight.training.progress import Progress
from clearsight.training.stopping import Stopper, StopRequested, TrainingStoppedError

if TYPE_CHECKING:
    from clearsight.run.seeds.runs import SeedRuns

_HALVED = "memory ran out, so that batches went through in halves, their gradients added up"


@overload
def train(source: Any, *, seeds: int, verbose: bool = True, **options: Any) -> SeedRuns: ...


@overload
def train(source: Any, *, seeds: None = None, verbose: bool = True, **options: Any) -> Run: ...


def train(
    source: Any, *, seeds: int | None = None, verbose: bool = True, **options: Any
) -> Run | SeedRuns:
    """Train a network on a source of images, and measure what it learned.

    Args:
        source: a source's name such as "fashion-mnist", the path of a folder or file of images,
            or an object: arrays (x, y) or ((x, y), (x_test, y_test)), an `ImageSet`, `Splits`, a
            torch Dataset, an iterable of (image, label).
        seeds: train so often, at least 2, with the seed asked for and the ones that follow it.
        verbose: print a line an epoch (and a live bar on a terminal).
        **options: the fields of `TrainRequest`: model, model_arguments, recipe, epochs,
            batch_size, learning_rate, validation_split, train_limit, test_limit, seed, engine,
            precision, device, out, checkpoint_minutes, no_test,
            report, bundle; and of `SourceOptions`: image_size,
            resize, channels, test_split, data_dir, ...

    Returns:
        The finished run, whose folder holds everything; with `seeds` a `SeedRuns`, the sequence of
        those runs.

    Raises:
        ClearsightError: of the kind that fits, when something asked for is wrong; nothing has been
            written then.
        TrainingInterrupted: after Ctrl-C, SIGTERM or SIGUSR1, when what was trained has been saved.
        OutputError: when the run's files cannot be written; `resume` goes on once they can.
        TrainingError: when the training could not go on; it says why and how to resume.

    Example:
        >>> import tempfile, pathlib
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> run = train("digits", epochs=2, out=out, verbose=False)
        >>> run.results.test_count
        359
    """
    request = train_request(source, **options)
    if seeds is not None:
        from clearsight.run.seeds.train import Shown, train_seeds  # it carries out trainings here

        return train_seeds(request, seeds, Shown(_progress(verbose)))
    return execute(plan_training(request), _progress(verbose))


def resume(path: str | Path, *, verbose: bool = True, **options: Any) -> Run | SeedRuns:
    """Go on with a run from the very batch where it was left, or give a finished one more epochs.

    Args:
        path: the run's folder, or that of a training with several seeds, of which the unfinished
            and missing ones are trained then.
        verbose: as for `train`.
        **options: the fields of `ResumeRequest`: data, epochs, learning_rate, batch_size,
            checkpoint_minutes, data_dir, accept_changes, report, bundle.

    Raises:
        RunError: when there is nothing to go on with, or something that matters has changed.
        TrainingInterrupted: as for `train`.
    """
    if is_seed_runs(Path(path)):
        from clearsight.run.seeds.train import Shown, resume_seeds

        return resume_seeds(path, Shown(_progress(verbose)), **options)
    return execute(plan_resumption(resume_request(path, **options)), _progress(verbose))


def execute(plan: Plan, progress: Progress) -> Run:
    """Train as planned; see `train`."""
    with Stopper(progress.announce) as stopper:
        try:
            for note in plan.notes:
                progress.announce(f"Note: {note}")
            check_room(plan.path, plan.model)
            data = plan.fit_data()
            if plan.resumed is not None:
                folder = RunFolder.existing(plan.path)
            else:
                folder = RunFolder.create(plan.path, is_named=plan.path_is_named)
            with RunLock(folder.path):
                if plan.resumed is not None:
                    check_current(plan.resumed, folder)
                _train(plan, data, _Place(folder, progress, stopper))
        except StopRequested as stop:
            raise TrainingInterrupted(
                "Interrupted before the training began.", str(plan.path), stop.signal_number
            ) from None
    run = Run.load(folder.path)
    if plan.bundle:
        images = plan.validation_images(NUM_IMAGES)
        again = ["clearsight", "export", str(run.path)]
        written_if_possible("bundle", lambda: export_run(run, images=images), again)
    if plan.report:
        again = ["clearsight", "report", str(run.path)]
        written_if_possible("report", lambda: write_report(run, plan.splits.test), again)
    return run


@dataclass(frozen=True)
class _Place:
    """Where a training takes place: its folder, its display, and what may stop it."""

    folder: RunFolder
    progress: Progress
    stopper: Stopper


def _train(plan: Plan, data: FitData, place: _Place) -> None:
    """Fit, measure and write; whatever happens, say so in ``run.json``."""
    folder = place.folder
    record = plan.record.model_copy(
        update={"status": "running", "interrupted_at": None, "failed_because": None}
    )
    try:
        with _writer(plan, place) as writer, on_device(record.device):
            checkpointing = _checkpointing(plan, writer)
            if plan.resumed is None:
                save_initial_checkpoint(plan.model, checkpointing)
            elif plan.resumed.checkpoint.history:
                # A process killed between the two wrote the checkpoint and not yet the row.
                write_history(plan.resumed.checkpoint.history, folder.history_path)
            folder.write_record(record)
            write_split(plan.splits, plan.split, folder.split_path)
            folder.set_results_aside()
            history = fit_model(
                plan.model,
                data,
                record.recipe,
                checkpointing=checkpointing,
                stopper=place.stopper,
                progress=place.progress,
            )
            if num_parts_of(plan.model) > 1:
                changed = {"reproducible": False, "reproducible_because": _HALVED}
                changed["changes"] = (*record.changes, _HALVED)
                record = record.model_copy(update=changed)
            weights = settle_weights(plan, folder, history)
            save_finished_model(plan.model, folder)
            measure(plan, folder, history, weights)
        folder.write_record(record.model_copy(update={"status": "finished"}))
    except StopRequested as stop:
        raise _interrupted(plan, folder, record, stop) from None
    except KeyboardInterrupt:
        _write_end(folder, record, {"status": "interrupted"})
        raise TrainingInterrupted(
            f"Interrupted at once. What was saved last is kept in {folder.path}. "
            f"Go on with: {folder.resume_command}",
            str(folder.path),
        ) from None
    except TrainingStoppedError as stopped:
        error = told_failure(stopped, plan, folder)
        why = str(error or stopped.__cause__)
        _write_end(folder, record, {"status": "failed", "failed_because": why})
        if error is not None:
            raise error from stopped.__cause__
        raise (stopped.__cause__ or stopped) from None
    except BaseException as error:
        _write_end(folder, record, {"status": "failed", "failed_because": str(error)})
        raise


def _writer(plan: Plan, place: _Place) -> CheckpointWriter:
    folder = place.folder

    def write_finished_epochs(checkpoint: Checkpoint) -> None:
        if checkpoint.history and checkpoint.num_batches == 0:
            write_history(checkpoint.history, folder.history_path)

    remove_temporary_files(folder.path)
    return CheckpointWriter(
        folder.checkpoints_path,
        place.progress.announce,
        after=write_finished_epochs,
        damaged=plan.resumed.damaged if plan.resumed is not None else (),
    )


def _checkpointing(plan: Plan, writer: CheckpointWriter) -> Checkpointing:
    record, resumed = plan.record, plan.resumed
    return Checkpointing(
        writer=writer,
        interval_seconds=60.0 * record.checkpoint_minutes,
        identity=identity(record.data["train"]["sha256"], record.recipe.batch_size),
        start=resumed.checkpoint if resumed is not None else None,
        first_batch=resumed.first_batch if resumed is not None else 0,
    )


def _write_end(folder: RunFolder, record: RunRecord, update: dict[str, Any]) -> None:
    """Write how a run ended early; where even that cannot be written, what is there stays."""
    with suppress(OutputError):
        folder.write_record(record.model_copy(update=update))


def _progress(verbose: bool) -> Progress:
    return Progress(Console()) if verbose else Progress.silent()


def _interrupted(
    plan: Plan, folder: RunFolder, record: RunRecord, stop: StopRequested
) -> TrainingInterrupted:
    """Keep the network as it is, and say how to go on."""
    if stop.is_between_batches:
        with suppress(OutputError):  # the checkpoint is what counts
            save_model(plan.model, folder)
    where = str(stop.position) if stop.position is not None else "what stands around the training"
    _write_end(folder, record, {"status": "interrupted", "interrupted_at": where})
    kept = "Everything until there" if stop.is_between_batches else "What was saved last"
    return TrainingInterrupted(
        f"Interrupted in {where}. {kept} is kept in {folder.path}. Go on from there: "
        f"{folder.resume_command}",
        str(folder.path),
        stop.signal_number,
    )
