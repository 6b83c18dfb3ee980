"""What surrounds a run while it executes: its folder and lock, signals, and how it ended.

`open_run_folder` holds the folder's lock, `run_session` turns signals into a clean end, and
`recorded_training` writes into ``run.json`` how the training ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from clearsight.engine.runtime.device import on_device
from clearsight.errors import OutputError, RunError, TrainingInterrupted, signal_of
from clearsight.run.execute.disk_space import check_disk_space
from clearsight.run.execute.faults import explain_failure
from clearsight.run.plan.plan import Plan
from clearsight.run.resume.plan_resume import check_current
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.record import Status
from clearsight.run.store.run import save_model
from clearsight.training.checkpoint.checkpoint import Checkpoint, checkpoint_files
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.history import is_fully_trained, read_history, write_history
from clearsight.training.progress import TrainingProgress
from clearsight.training.stopping import Stopper, StopRequested, TrainingStoppedError


@dataclass(frozen=True)
class RunSession:
    """What a run needs while it executes.

    Attributes:
        folder: the run's files.
        progress: shows the training.
        stopper: ends it early when a signal comes.
    """

    folder: RunFolder
    progress: TrainingProgress
    stopper: Stopper


@contextmanager
def open_run_folder(plan: Plan) -> Iterator[RunFolder]:
    """Make a plan's folder, or open that of a resumed run, and hold its lock until the block ends.

    Raises:
        OutputError: when there is no disk space.
        RunError: when another process writes into the folder or resumed the run.
    """
    check_disk_space(plan.path, plan.model)
    if plan.resume_point is not None:
        folder = RunFolder.existing(plan.path)
        with folder.writing():
            check_current(plan.resume_point, folder)
            yield folder
        return
    folder = RunFolder.create(plan.path, is_named=plan.path_is_given)
    try:
        with folder.writing():
            yield folder
    finally:
        with suppress(OSError):  # it holds what was written
            folder.path.rmdir()


@contextmanager
def run_session(plan: Plan, folder: RunFolder, progress: TrainingProgress) -> Iterator[RunSession]:
    """Turn signals into a clean end while the block works in a folder whose lock is held.

    Raises:
        TrainingInterrupted: after a signal; it says what is missing, and how to write it.
    """
    with Stopper(progress.announce) as stopper:
        try:
            yield RunSession(folder, progress, stopper)
        except TrainingInterrupted:
            raise
        except (StopRequested, KeyboardInterrupt) as stop:
            is_own = isinstance(stop, StopRequested)
            number = stop.signal_number if is_own else signal_of(stop)
            sentence = "Interrupted before the training began."
            if _is_finished(folder):
                sentence = _what_is_missing(plan, folder)
            raise TrainingInterrupted(sentence, str(folder.path), number) from None


@contextmanager
def recorded_training(plan: Plan, session: RunSession) -> Iterator[CheckpointWriter]:
    """Write ``run.json`` if the block, which trains and evaluates, ends early.

    Yields:
        The writer of checkpoints.

    Raises:
        OutputError: when a file cannot be written.
        TrainingError: when the training could not continue.
        TrainingInterrupted: after a signal; what was trained is saved.
    """
    folder = session.folder

    def write_early_end(status: Status, reason: str | None = None) -> None:
        with suppress(OutputError):  # then run.json stays as it is
            record = folder.read_record() if folder.record_path.is_file() else plan.record
            folder.write_record(record.with_status(status, reason))

    try:
        with (
            _checkpoint_writer(plan, session) as writer,
            on_device(plan.record.request.device),
        ):
            yield writer
    except StopRequested as stop:
        if _is_finished(folder) or not _has_begun(plan, folder):
            raise
        if stop.is_between_batches and stop.position is not None:
            with suppress(OutputError):  # the checkpoint is what counts
                save_model(plan.model, folder)
        is_trained = _is_trained(plan, folder)
        where = "the evaluation" if is_trained else str(stop.position or "the preparation")
        write_early_end("interrupted", where)
        saved = "Everything up to there" if stop.is_between_batches else "The last checkpoint"
        raise _interrupted(f"in {where}", saved, stop.signal_number, plan, folder) from None
    except KeyboardInterrupt as stop:
        if _is_finished(folder) or not _has_begun(plan, folder):
            raise
        write_early_end("interrupted")
        saved, number = "The last checkpoint", signal_of(stop)
        raise _interrupted("at once", saved, number, plan, folder) from None
    except TrainingStoppedError as stopped:
        error = explain_failure(stopped, plan, folder)
        write_early_end("failed", str(error or stopped.__cause__))
        if error is not None:
            raise error from stopped.__cause__
        raise (stopped.__cause__ or stopped) from None
    except BaseException as error:
        write_early_end("failed", str(error))
        raise


def _checkpoint_writer(plan: Plan, session: RunSession) -> CheckpointWriter:
    folder = session.folder

    def write_finished_epochs(checkpoint: Checkpoint) -> None:
        if checkpoint.history and checkpoint.num_batches == 0:
            write_history(checkpoint.history, folder.history_path)

    return CheckpointWriter(
        folder.checkpoints_path,
        session.progress.announce,
        after=write_finished_epochs,
        damaged=plan.resume_point.damaged if plan.resume_point is not None else (),
    )


def _has_begun(plan: Plan, folder: RunFolder) -> bool:
    """Return whether the run can be resumed; if not, remove its record, so that nothing is left."""
    if plan.resume_point is not None or checkpoint_files(folder.checkpoints_path):
        return True
    folder.record_path.unlink(missing_ok=True)
    return False


def _is_finished(folder: RunFolder) -> bool:
    with suppress(RunError):
        return folder.read_record().status == "finished"
    return False


def _what_is_missing(plan: Plan, folder: RunFolder) -> str:
    request = plan.record.request
    missing = [
        (path.name, folder.command(verb))
        for is_wanted, path, verb in (
            (request.bundle, folder.bundle_path, "export"),
            (request.report, folder.report_path, "report"),
        )
        if is_wanted and not path.exists()
    ]
    sentence = f"Interrupted when the run was finished. Its results are saved in {folder.path}"
    if not missing:
        return f"{sentence}."
    names = " and ".join(name for name, _ in missing)
    verb = "is" if len(missing) == 1 else "are"
    commands = " && ".join(command for _, command in missing)
    return f"{sentence}, but {names} {verb} missing. Write what is missing with: {commands}"


def _is_trained(plan: Plan, folder: RunFolder) -> bool:
    with suppress(RunError):
        return is_fully_trained(read_history(folder.history_path), plan.recipe)
    return False


def _interrupted(
    when: str, saved: str, signal_number: int, plan: Plan, folder: RunFolder
) -> TrainingInterrupted:
    then = ""
    if _is_trained(plan, folder):
        saved, then = "The trained network", ", which evaluates it without training again"
    sentence = f"Interrupted {when}. {saved} is saved in {folder.path}."
    command = f"Resume with: {folder.how_to_resume()}"
    return TrainingInterrupted(f"{sentence} {command}{then}", str(folder.path), signal_number)
