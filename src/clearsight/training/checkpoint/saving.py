"""When a training is saved, and how it goes on from the very batch where a checkpoint stands."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.augment import AugmentedBatches
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.random_state import RandomState, Tensors
from clearsight.training.checkpoint.snapshot import (
    build_optimizer,
    metrics_snapshot,
    network_json,
    restore_metrics,
    snapshot,
)
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.history import History
from clearsight.training.recorder import EpochRecorder
from clearsight.training.steps import non_finite_weights


@dataclass(frozen=True)
class Saving:
    """Where a training begins, and where and how often it is saved.

    Attributes:
        writer: takes the checkpoints.
        every_seconds: within an epoch; each epoch's end is saved anyway.
        identity: see `Checkpoint`.
        start: where to go on; None for a new training.
        first_batch: where within `start`'s unfinished epoch, in batches of the size used now.
    """

    writer: CheckpointWriter
    every_seconds: float
    identity: dict[str, Any]
    start: Checkpoint | None = None
    first_batch: int = 0

    @property
    def earlier(self) -> History:
        """The epochs that are finished already."""
        return self.start.history if self.start is not None else ()


def save_untrained(model: keras.Model, saving: Saving) -> None:
    """Save a new training before its first batch, so that it can be resumed from then on.

    Raises:
        OutputError: when that cannot be written.
    """
    build_optimizer(model)
    now = RandomState.now()
    saving.writer.save(
        Checkpoint(
            number=0,  # the writer counts
            epochs_done=0,
            num_batches=0,
            history=(),
            seconds=0.0,
            network=network_json(model),
            identity=saving.identity,
            epoch_start=now,
            now=now,
            tensors=snapshot(model, with_metrics=False),
        )
    )
    saving.writer.finish()


class SaveAndGoOn(keras.callbacks.Callback):
    """Saves at each epoch's end and every so often within, and begins within an epoch if asked.

    It stands after the recorder of epochs and before what may leave `fit`.

    Args:
        saving: see there.
        batches: what `fit` is given.
        recorder: knows the finished epochs.
    """

    def __init__(self, saving: Saving, batches: AugmentedBatches, recorder: EpochRecorder) -> None:
        super().__init__()
        self._saving = saving
        self._batches = batches
        self._recorder = recorder
        start = saving.start
        self._resumed = None if start is None or start.is_initial else start
        self._network = ""
        self._epochs_done = len(saving.earlier)
        self._num_batches = 0
        self._num_skipped = 0
        self._epoch_start: RandomState | None = None
        self._after_training: tuple[RandomState, Tensors] | None = None
        self._saved_at = time.monotonic()
        self._saved_place = (-1, -1)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Note what does not change."""
        del logs
        self._network = network_json(self._model_in_fit)
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note where the epoch begins, or set everything to where it was left."""
        del logs
        start, self._resumed = self._resumed, None
        self._epochs_done, self._num_batches, self._num_skipped = epoch, 0, 0
        self._after_training = None
        if start is not None:
            start.epoch_start.restore()
        self._epoch_start = RandomState.now()
        if start is not None and start.num_batches:
            self._num_skipped = self._saving.first_batch
            self._recorder.add_seconds(start.seconds)
            restore_metrics(self._model_in_fit, start)
            self._batches.skip(self._num_skipped, start.now.restore)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if it is time to."""
        del logs
        self._num_batches = batch + 1
        if self._num_batches < self._num_skipped:
            return
        if self._num_batches == self._batches.num_batches:
            # What validation changes: the metrics, and the random numbers drawn for it.
            self._after_training = (RandomState.now(), metrics_snapshot(self._model_in_fit))
        is_due = time.monotonic() - self._saved_at >= self._saving.every_seconds
        if is_due and self._num_batches > self._num_skipped and not self._saving.writer.is_busy:
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save.

        Raises:
            NonFiniteLossError: when the epoch's last step has spoiled the weights.
        """
        del logs
        if not math.isfinite(self._recorder.history[-1].val_loss):
            raise non_finite_weights(self._model_in_fit)
        self._epochs_done, self._num_batches = epoch + 1, 0
        self.save()

    def save(self) -> None:
        """Hand the training's state to the writer."""
        assert self._epoch_start is not None  # an epoch has begun
        model = self._model_in_fit
        is_between_epochs = self._num_batches == 0
        now, metrics = RandomState.now(), {}
        if self._after_training is not None and not is_between_epochs:
            now, metrics = self._after_training
        elif not is_between_epochs:
            metrics = metrics_snapshot(model)
        tensors = {**snapshot(model, with_metrics=False), **metrics, **self._batches.kept()}
        self._saving.writer.save(
            Checkpoint(
                number=0,  # the writer counts
                epochs_done=self._epochs_done,
                num_batches=self._num_batches,
                history=self._recorder.history,
                seconds=0.0 if is_between_epochs else self._recorder.seconds,
                network=self._network,
                identity=self._saving.identity,
                epoch_start=now if is_between_epochs else self._epoch_start,
                now=now,
                tensors=tensors,
            )
        )
        self._saved_at = time.monotonic()
        self._saved_place = self.place

    @property
    def _model_in_fit(self) -> keras.Model:
        model = self.model
        assert model is not None  # Keras sets it before anything else
        return model

    @property
    def place(self) -> tuple[int, int]:
        """How many epochs are done, and how many batches of the next."""
        return self._epochs_done, self._num_batches

    def save_where_stopped(self) -> None:
        """Save where training was stopped between two batches, unless that is saved already.

        Raises:
            OutputError: when it cannot be written.
        """
        is_new = self._epoch_start is not None and self._num_batches >= self._num_skipped
        if is_new and self._saved_place != self.place:
            self.save()
        self._saving.writer.finish()
