"""Ending a training early, and going back to the weights of its best epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.checkpoint.checkpoint import Checkpoint, best_epoch, checkpoint_files
from clearsight.training.history import History
from clearsight.training.recorder import EpochRecorder


class StopEarly(keras.callbacks.Callback):
    """Ends `fit` after an epoch when patience is over; see `is_over`.

    What it decides by is the history, which every checkpoint holds: a resumed training ends where
    it would have ended.

    Args:
        recorder: knows the finished epochs.
        patience: epochs.
    """

    def __init__(self, recorder: EpochRecorder, patience: int) -> None:
        super().__init__()
        self._recorder = recorder
        self._patience = patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if it is time to."""
        del epoch, logs
        if is_over(self._recorder.history, self._patience):
            model: Any = self.model
            model.stop_training = True


def is_over(history: History, patience: int) -> bool:
    """Tell whether validation accuracy has not been better for `patience` epochs.

    Args:
        history: the epochs so far.
        patience: epochs; 0 has no end.

    Example:
        >>> from clearsight.training.history import Epoch
        >>> scores = enumerate((0.6, 0.8, 0.7, 0.8), start=1)
        >>> rows = tuple(Epoch(n, 1.0, 0.5, 1.0, score, 1.0, 0.1) for n, score in scores)
        >>> is_over(rows, patience=2), is_over(rows, patience=3)
        (True, False)
    """
    best = best_epoch(history)
    return bool(patience) and best is not None and history[-1].epoch - best >= patience


def best_checkpoint(folder: Path, history: History) -> Checkpoint | None:
    """Read the checkpoint of the epoch with the best validation accuracy, the first of equals.

    Returns:
        None when it is not there or damaged: it could not be written, or an epoch with other
        images came after it.
    """
    best = best_epoch(history)
    for file in checkpoint_files(folder):
        if file.epochs_done == best and not file.num_batches:
            try:
                return Checkpoint.read(file.path)
            except (OSError, ValueError):
                return None
    return None
