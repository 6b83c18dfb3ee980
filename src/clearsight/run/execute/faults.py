"""Why a training stopped, in a sentence that says what to do."""

import errno
from typing import Any

from clearsight.engine.runtime.memory import is_out_of_memory
from clearsight.errors import ClearsightError, OutputError, TrainingError
from clearsight.option_names import option
from clearsight.run.plan.plan import Plan
from clearsight.run.store.folder import RunFolder
from clearsight.training.steps import NonFiniteLossError
from clearsight.training.stopping import TrainingStoppedError

_NUM_NAMED = 8  # images


def explain_failure(
    stopped: TrainingStoppedError, plan: Plan, folder: RunFolder
) -> ClearsightError | None:
    """Explain why a training stopped and how to resume it; None for an unforeseen cause."""
    cause, where = stopped.__cause__, str(stopped.position)
    if isinstance(cause, ClearsightError):
        return cause
    if isinstance(cause, NonFiniteLossError):
        return TrainingError(_diverged(cause, where, plan, folder))
    if is_out_of_memory(cause):
        return TrainingError(_out_of_memory(where, plan, folder))
    if isinstance(cause, OSError) and cause.errno not in (errno.EPIPE, errno.EIO):
        return _file_trouble(cause, where, folder)
    return None


def _diverged(found: NonFiniteLossError, where: str, plan: Plan, folder: RunFolder) -> str:
    if found.layer is None:
        which = "though every layer's values are finite"
    else:
        what = "a weight" if found.is_weight else "a value"
        which = f"'{found.layer}' is the first layer with {what} that is not finite"
    names = plan.data.splits.train.names
    rows = [int(plan.data.split.train[index]) for index in found.indices[:_NUM_NAMED]]
    images = [names[row] if names is not None else str(row) for row in rows]
    more = f" and {len(found.indices) - len(images)} more" if found.indices[_NUM_NAMED:] else ""
    batch = f"; its batch: training images {', '.join(images)}{more}" if images else ""
    rate = plan.recipe.learning_rate / 10
    return (
        f"The loss should stay a finite number, but did not in {where} ({which}{batch}). The last "
        f"good checkpoint is kept; resume from it with a lower learning rate: "
        f"{folder.how_to_resume(learning_rate=rate, accept_changes=True)}"
    )


def _out_of_memory(where: str, plan: Plan, folder: RunFolder) -> str:
    size = plan.recipe.batch_size
    halve: dict[str, Any] = {"batch_size": size // 2, "accept_changes": True} if size > 1 else {}
    what = "GPU's" if plan.record.request.device == "cuda" else "machine's"
    return (
        f"The {what} memory should hold a batch of {size} images in training, but ran out in "
        f"{where}: lower {option('batch_size')} (now {size}), {option('train_limit')} or the size "
        "of the network. The last good checkpoint is kept; resume from it: "
        f"{folder.how_to_resume(**halve)}"
    )


def _file_trouble(error: OSError, where: str, folder: RunFolder) -> ClearsightError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS) or error.filename is None:
        return OutputError(
            f"The run's files should be written to {folder.path}, but cannot be in {where}: "
            f"{reason}. The last good checkpoint is kept; fix that and resume from it: "
            f"{folder.how_to_resume()}"
        )
    return TrainingError(
        f"A file that the training reads should stay until its end, but {error.filename} cannot be "
        f"read in {where}: {reason}. The last good checkpoint is kept; restore the file and resume "
        f"from it: {folder.how_to_resume()}"
    )
