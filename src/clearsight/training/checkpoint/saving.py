"""When a training is saved, and how it resumes within an epoch."""

import math
import time
from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.augment import AugmentedBatches
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.random_state import RandomState, Tensors
from clearsight.training.checkpoint.snapshot import network_json, restore_variables, snapshot
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.history import History
from clearsight.training.recorder import EpochRecorder
from clearsight.training.steps import non_finite_validation_loss
from clearsight.training.stopping import Position


@dataclass(frozen=True)
class Checkpointing:
    """Where a training starts, and where and how often it is saved.

    Attributes:
        writer: writes the checkpoints.
        interval_seconds: between checkpoints within an epoch; each epoch's end is saved anyway.
        identity: see `Checkpoint`.
        start: the checkpoint to resume from; None for a new training.
        first_batch: where to resume in `start`'s unfinished epoch, in batches of the current size.
    """

    writer: CheckpointWriter
    interval_seconds: float
    identity: dict[str, Any]
    start: Checkpoint | None = None
    first_batch: int = 0

    @property
    def earlier(self) -> History:
        """The epochs that are finished already."""
        return self.start.history if self.start is not None else History()


def save_initial_checkpoint(model: keras.Model, checkpointing: Checkpointing) -> None:
    """Save a new training before its first batch, so that it can be resumed from then on.

    Raises:
        OutputError: if the checkpoint cannot be written.
    """
    now = RandomState.capture()
    checkpointing.writer.save(
        Checkpoint(
            epochs_done=0,
            num_batches=0,
            history=History(),
            seconds=0.0,
            network=network_json(model),
            identity=checkpointing.identity,
            random_state=now,
            epoch_start_random_state=now,
            tensors=snapshot(model, "model", "optimizer"),
        )
    )
    checkpointing.writer.finish()


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves at each epoch's end and at intervals within, and resumes within an epoch.

    It comes after the `EpochRecorder` and before any callback that may leave `fit`.

    Args:
        checkpointing: where to start and how to save.
        batches: the training's.
        recorder: holds the finished epochs.
    """

    def __init__(
        self, checkpointing: Checkpointing, batches: AugmentedBatches, recorder: EpochRecorder
    ) -> None:
        super().__init__()
        self._checkpointing = checkpointing
        self._batches = batches
        self._recorder = recorder
        start = checkpointing.start
        self._resume_from = None if start is None or start.is_initial else start
        self._network = ""
        self._num_skipped = 0
        self._epoch_start: RandomState | None = None
        self._after_training: tuple[RandomState, Tensors] | None = None
        self._saved_at = time.monotonic()
        self._saved_position: Position | None = None
        self.position = Position(epochs_done=len(checkpointing.earlier), num_batches=0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Record what does not change during the training."""
        del logs
        self._network = network_json(self._fitted_model)
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the state at the epoch's start, or restore that of the checkpoint."""
        del logs
        start, self._resume_from = self._resume_from, None
        self.position, self._num_skipped = Position(epoch, num_batches=0), 0
        self._after_training = None
        if start is not None:
            start.epoch_start_random_state.restore()
        self._epoch_start = RandomState.capture()
        if start is not None and start.num_batches:
            self._num_skipped = self._checkpointing.first_batch
            self._recorder.add_seconds(start.seconds)
            # `fit` has just reset the metrics.
            restore_variables(self._fitted_model, start, "metrics")
            self._batches.skip(self._num_skipped, start.random_state.restore)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if a checkpoint is due."""
        del logs
        num_batches = batch + 1
        self.position = self.position._replace(num_batches=num_batches)
        if num_batches < self._num_skipped:
            return
        if num_batches == self._batches.num_batches:
            # Validation changes these: the metrics, and the random numbers drawn for it.
            self._after_training = (RandomState.capture(), snapshot(self._fitted_model, "metrics"))
        is_due = time.monotonic() - self._saved_at >= self._checkpointing.interval_seconds
        if is_due and num_batches > self._num_skipped and not self._checkpointing.writer.is_busy:
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save.

        Raises:
            NonFiniteLossError: if the validation loss is not finite.
        """
        del logs
        if not math.isfinite(self._recorder.history[-1].val_loss):
            raise non_finite_validation_loss(self._fitted_model)
        self.position = Position(epochs_done=epoch + 1, num_batches=0)
        self.save()

    def save(self) -> None:
        """Pass the training's state to the writer."""
        assert self._epoch_start is not None  # an epoch has begun
        now, tensors = RandomState.capture(), snapshot(self._fitted_model, "model", "optimizer")
        epoch_start, seconds = now, 0.0
        if self.position.num_batches:
            epoch_start, seconds = self._epoch_start, self._recorder.seconds
            now, metrics = self._after_training or (now, snapshot(self._fitted_model, "metrics"))
            tensors |= metrics
        batches = self._batches.state_dict()
        self._checkpointing.writer.save(
            Checkpoint(
                epochs_done=self.position.epochs_done,
                num_batches=self.position.num_batches,
                history=self._recorder.history,
                seconds=seconds,
                network=self._network,
                identity=self._checkpointing.identity,
                random_state=now,
                epoch_start_random_state=epoch_start,
                tensors=tensors | {f"batches.{key}": state for key, state in batches.items()},
            )
        )
        self._saved_at = time.monotonic()
        self._saved_position = self.position

    def save_where_stopped(self) -> None:
        """Save where training was stopped between two batches, unless that is saved already.

        Raises:
            OutputError: if the checkpoint cannot be written.
        """
        is_past_start = self.position.num_batches >= self._num_skipped
        is_saved = self.position == self._saved_position
        if self._epoch_start is not None and is_past_start and not is_saved:
            self.save()
        self._checkpointing.writer.finish()

    @property
    def _fitted_model(self) -> keras.Model:
        model = self.model
        assert model is not None  # Keras sets it before any other method is called
        return model
