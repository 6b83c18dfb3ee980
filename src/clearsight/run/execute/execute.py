"""`execute`: train the network of a plan."""

from clearsight.engine.step_control import num_parts_of
from clearsight.run.execute.session import RunSession
from clearsight.run.plan.plan import Plan
from clearsight.run.store.machine import CheckpointIdentity
from clearsight.run.store.split_csv import write_split
from clearsight.training.checkpoint.saving import Checkpointing, save_initial_checkpoint
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.fit import fit_model
from clearsight.training.history import History, write_history

_HALVED = "memory ran out, so batches were processed in halves whose gradients were added up"


def execute(plan: Plan, session: RunSession, writer: CheckpointWriter) -> History:
    """Train the plan's model, passing checkpoints to `writer`, and return each epoch's scores.

    Raises:
        OutputError: when the run's files cannot be written.
        StopRequested: when a signal came; what was trained until then has been saved.
        TrainingStoppedError: when the training cannot continue.
    """
    folder, record, point = session.folder, plan.record, plan.resume_point
    checkpointing = Checkpointing(
        writer=writer,
        interval_seconds=60.0 * record.request.checkpoint_minutes,
        identity=CheckpointIdentity.now(
            record.data["train"].sha256, plan.recipe.batch_size
        ).model_dump(),
        start=point.checkpoint if point is not None else None,
        first_batch=point.first_batch if point is not None else 0,
    )
    if point is None:
        save_initial_checkpoint(plan.model, checkpointing)
    elif point.checkpoint.history:
        # A process killed between the two wrote the checkpoint but not yet the row.
        write_history(point.checkpoint.history, folder.history_path)
    # After the checkpoint: what has a record can be resumed.
    folder.write_record(record)
    write_split(plan.data.splits, plan.data.split, folder.split_path)
    folder.set_results_aside()
    history = fit_model(
        plan.model,
        plan.data.fit_data(plan.recipe, plan.preparation.divisor),
        plan.recipe,
        checkpointing=checkpointing,
        stopper=session.stopper,
        progress=session.progress,
    )
    if num_parts_of(plan.model) > 1:
        folder.write_record(record.irreproducible(_HALVED))
    return history
