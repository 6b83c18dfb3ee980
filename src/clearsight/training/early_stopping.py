"""Stop a training when validation accuracy no longer improves."""

from pathlib import Path
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.checkpoint.checkpoint import Checkpoint, checkpoint_files
from clearsight.training.history import History, best_epoch
from clearsight.training.recorder import EpochRecorder


class StopEarly(keras.callbacks.Callback):
    """Ends `fit` after an epoch when patience has run out; see `patience_has_run_out`.

    The decision depends on the history alone, which every checkpoint holds: a resumed training
    ends where it would have ended.

    Args:
        recorder: holds the finished epochs.
        patience: epochs.
    """

    def __init__(self, recorder: EpochRecorder, patience: int) -> None:
        super().__init__()
        self._recorder = recorder
        self._patience = patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if patience has run out."""
        del epoch, logs
        if patience_has_run_out(self._recorder.history, self._patience):
            model: Any = self.model
            model.stop_training = True


def patience_has_run_out(history: History, patience: int) -> bool:
    """Check whether validation accuracy has not improved for `patience` epochs.

    Args:
        history: the epochs so far.
        patience: epochs; 0 never runs out.

    Example:
        >>> from clearsight.training.history import Epoch
        >>> scores = enumerate((0.6, 0.8, 0.7, 0.8), start=1)
        >>> rows = tuple(Epoch(n, 1.0, 0.5, 1.0, score, 1.0, 0.1) for n, score in scores)
        >>> patience_has_run_out(rows, patience=2), patience_has_run_out(rows, patience=3)
        (True, False)
    """
    best = best_epoch(history)
    return bool(patience) and best is not None and history[-1].epoch - best >= patience


def read_best_checkpoint(folder: Path, history: History) -> Checkpoint | None:
    """Read the checkpoint of the epoch with the best validation accuracy, the first of equals.

    Returns:
        None if it is missing or damaged: it could not be written, or the images changed and later
        epochs replaced it.
    """
    best = best_epoch(history)
    for file in checkpoint_files(folder):
        if file.epochs_done == best and not file.num_batches:
            try:
                return Checkpoint.read(file.path)
            except (OSError, ValueError):
                return None
    return None
