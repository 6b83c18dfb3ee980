"""`run_session`: what surrounds a run while it executes.

Its folder and lock, signals, the writer of checkpoints, and a status in ``run.json`` however it
ends.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from clearsight.engine.runtime.device import on_device
from clearsight.errors import OutputError, TrainingInterrupted
from clearsight.io.temporary import remove_leftovers
from clearsight.run.execute.disk_space import check_disk_space
from clearsight.run.execute.faults import explain_failure
from clearsight.run.plan.plan import Plan
from clearsight.run.resume.plan_resume import check_current
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.lock import lock_run
from clearsight.run.store.record import Status
from clearsight.run.store.run import save_model
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.history import write_history
from clearsight.training.progress import Progress
from clearsight.training.stopping import Stopper, StopRequested, TrainingStoppedError


@dataclass(frozen=True)
class RunSession:
    """What a run needs while it executes.

    Attributes:
        folder: the run's files.
        progress: shows the training.
        stopper: ends the training early when a signal comes.
        writer: takes the checkpoints.
    """

    folder: RunFolder
    progress: Progress
    stopper: Stopper
    writer: CheckpointWriter


@contextmanager
def run_session(plan: Plan, progress: Progress) -> Iterator[RunSession]:
    """Prepare the run's folder, hold its lock, and record how the block ends in ``run.json``.

    Raises:
        OutputError: when there is no disk space, or a file cannot be written.
        RunError: when another process trains in the folder or resumed the run.
        TrainingError: when the training could not continue.
        TrainingInterrupted: after a signal; what was trained is saved.
    """
    with Stopper(progress.announce) as stopper:
        try:
            for note in plan.notes:
                progress.announce(f"Note: {note}")
            check_disk_space(plan.path, plan.model)
            if plan.resume_point is not None:
                folder = RunFolder.existing(plan.path)
            else:
                folder = RunFolder.create(plan.path, is_named=plan.path_is_given)
            with lock_run(folder.path):
                if plan.resume_point is not None:
                    check_current(plan.resume_point, folder)
                with _recorded_status(plan, folder):
                    remove_leftovers(folder.path)
                    device = plan.record.request.device
                    with _checkpoint_writer(plan, folder, progress) as writer, on_device(device):
                        yield RunSession(folder, progress, stopper, writer)
        except StopRequested as stop:
            raise TrainingInterrupted(
                "Interrupted before the training began.", str(plan.path), stop.signal_number
            ) from None


def _checkpoint_writer(plan: Plan, folder: RunFolder, progress: Progress) -> CheckpointWriter:
    def write_finished_epochs(checkpoint: Checkpoint) -> None:
        if checkpoint.history and checkpoint.num_batches == 0:
            write_history(checkpoint.history, folder.history_path)

    return CheckpointWriter(
        folder.checkpoints_path,
        progress.announce,
        after=write_finished_epochs,
        damaged=plan.resume_point.damaged if plan.resume_point is not None else (),
    )


@contextmanager
def _recorded_status(plan: Plan, folder: RunFolder) -> Iterator[None]:
    """Write ``run.json`` when the block begins, and how it ended."""

    def write_status(status: Status, reason: str | None = None) -> None:
        record = folder.read_record() if folder.record_path.is_file() else plan.record
        folder.write_record(record.with_status(status, reason))

    def write_early_end(status: Status, reason: str | None = None) -> None:
        with suppress(OutputError):  # then run.json stays as it is
            write_status(status, reason)

    def interrupted(where_and_what: str, signal_number: int) -> TrainingInterrupted:
        saved = f"Interrupted {where_and_what} is saved in {folder.path}."
        command = f"Resume with: {folder.resume_command}"
        return TrainingInterrupted(f"{saved} {command}", str(folder.path), signal_number)

    try:
        yield
        write_status("finished")
    except StopRequested as stop:
        if stop.is_between_batches:
            with suppress(OutputError):  # the checkpoint is what counts
                save_model(plan.model, folder)
        where = str(stop.position) if stop.position is not None else "preparation or evaluation"
        write_early_end("interrupted", where)
        saved = "Everything up to there" if stop.is_between_batches else "The last checkpoint"
        raise interrupted(f"in {where}. {saved}", stop.signal_number) from None
    except KeyboardInterrupt:
        write_early_end("interrupted")
        raise interrupted("at once. The last checkpoint", signal.SIGINT) from None
    except TrainingStoppedError as stopped:
        error = explain_failure(stopped, plan, folder)
        write_early_end("failed", str(error or stopped.__cause__))
        if error is not None:
            raise error from stopped.__cause__
        raise (stopped.__cause__ or stopped) from None
    except BaseException as error:
        write_early_end("failed", str(error))
        raise
