"""`Run`: a training that has been carried out, read back from its folder."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.data.sources.options import SourceOptions
from clearsight.engine.accelerate import accelerate_with_notes
from clearsight.engine.optimizers.muon import Muon
from clearsight.engine.runtime.device import choose_device, on_device
from clearsight.errors import RunError
from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.score import Score, score_of
from clearsight.evaluation.scores.scores import Measures, measures_of
from clearsight.io.atomic import write_atomically
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.run.advise.next_step import NextStep, next_step
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results
from clearsight.run.test_set.images import is_own_source, measured_images
from clearsight.run.test_set.ledger import Look, Looks, record_look
from clearsight.training.checkpoint.checkpoint import read_newest_checkpoint
from clearsight.training.checkpoint.snapshot import rebuild_network
from clearsight.training.history import History, read_history

_PREDICT_BATCH_SIZE = 256
_BLOCK_VALUES = 32_000_000  # pixel values prepared at once: 128 MB as floats


@dataclass(frozen=True)
class Evaluation:
    """What came out of measuring a run's network on test images.

    Attributes:
        score: accuracy and loss.
        measures: all scores, with their intervals.
        looks: how often these images have been looked at.
    """

    score: Score
    measures: Measures
    looks: Looks


@dataclass(frozen=True)
class Run:
    """A training that has been carried out.

    Attributes:
        folder: its files.
        record: what was asked for, and what it ran on.
    """

    folder: RunFolder
    record: RunRecord

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open a run's folder.

        Raises:
            RunError: when it is no run's folder or damaged.
        """
        folder = RunFolder.existing(Path(path))
        return cls(folder, folder.read_record())

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        return self.record.class_names

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        return Preparation.from_json(self.record.preparation)

    @property
    def history(self) -> History:
        """One `Epoch` for each epoch done."""
        return read_history(self.folder.history_path)

    @property
    def results(self) -> Results:
        """What came out.

        Raises:
            RunError: when the run has not finished.
        """
        results = self.folder.read_results()
        if results is None:
            raise RunError(
                f"{self.path} has no results yet, because it did not finish: go on with "
                f"{self.folder.resume_command}"
            )
        return results

    @property
    def findings(self) -> tuple[CurveFinding, ...]:
        """What the curve says, what matters most first; of a finished run."""
        return tuple(CurveFinding(**finding) for finding in self.results.findings)

    @property
    def next_step(self) -> NextStep | None:
        """What the curve calls for next; None where it calls for nothing."""
        return next_step(self.record, self.findings)

    @cached_property
    def model(self) -> keras.Model:
        """The trained network, loaded in Keras's safe mode.

        Of a run that is not finished it is what the last good checkpoint holds.

        Raises:
            RunError: when the run was stopped before any weights were kept.
        """
        if self.record.status != "finished":
            checkpoint = read_newest_checkpoint(self.folder.checkpoints_path).checkpoint
            if checkpoint is not None and not checkpoint.is_initial:
                with on_device(choose_device("auto")):
                    return rebuild_network(checkpoint)
        if not self.folder.model_path.is_file():
            raise RunError(f"{self.path} has no model.keras: it was stopped before one was kept.")
        with on_device(choose_device("auto")):
            return build_model(ModelRequest(str(self.folder.model_path)))

    def predict(self, images: np.ndarray) -> Predictions:
        """Name images.

        Args:
            images: uint8 (N, H, W, C), 0..255, of the network's size and channels.

        Raises:
            DataError: when they are of another type or shape; pixels scaled already are refused.
            RunError: when the network's training diverged.
        """
        probabilities = predict_probabilities(
            self.model, self.preparation, np.asarray(images), self.record.request.recipe.views
        )
        if not np.isfinite(probabilities).all():
            raise RunError(
                f"The network of {self.path} gives no finite numbers, because its training "
                "diverged: train again with a lower learning rate."
            )
        return Predictions(probabilities, self.class_names)

    def evaluate(self, source: str | None = None, options: SourceOptions | None = None) -> Score:
        """Return how well `evaluation` finds images named; the look is recorded as there."""
        return self.evaluation(source, options).score

    def evaluation(
        self, source: str | None = None, options: SourceOptions | None = None
    ) -> Evaluation:
        """Measure in every way on the run's own test images, or on another source's.

        The look at these images is recorded in the user's ledger of test sets.

        Args:
            source: its name or path; None for the run's own.
            options: how another source's images are to be read.

        Raises:
            DataError: when there are no images to measure on, or their classes are others.
            RunError: when the run's own images no longer exist.
        """
        images = measured_images(self.record, self.folder, source, options)
        predictions = self.predict(images.images)
        val_accuracy = None
        with suppress(RunError, IndexError):  # a run stopped within its first epoch has none
            results = self.folder.read_results()
            val_accuracy = (results or self.history[-1]).val_accuracy
        is_right = predictions.labels == images.labels
        look = Look.at(self.path, "evaluate", is_right, val_accuracy)
        # The run's own are known as they were then, wherever in their source they lie now.
        is_own = is_own_source(self.record, source)
        fingerprint = self.record.data["test"]["sha256"] if is_own else images.fingerprint
        return Evaluation(
            score_of(predictions.probabilities, images.labels),
            measures_of(predictions, images.labels),
            record_look(fingerprint, look),
        )

    def write_report(self) -> Path:
        """Write what was learned as one page, ``report.html``, and return its path.

        Raises:
            RunError: when the run has no finished epoch.
            MissingExtraError: when the part that draws reports is not installed.
            OutputError: when the page cannot be written.
        """
        from clearsight.run.report.report import write_report  # which begins from a run

        return write_report(self)


def predict_probabilities(
    model: keras.Model, preparation: Preparation, images: np.ndarray, views: Views
) -> np.ndarray:
    """Return class probabilities, float32 (N, K), for uint8 images of the network's shape.

    They are means over the views of each image, and computed in float32 whatever the training
    was in, as everybody computes them who loads the network's file.

    Raises:
        DataError: when the images do not have that type and shape.
    """
    accelerate_with_notes(model, "float32")
    options: Any = {"batch_size": _PREDICT_BATCH_SIZE, "verbose": 0}

    def named(block: np.ndarray) -> np.ndarray:
        shown = views.of(torch.from_numpy(preparation.apply(block)))
        parts = [weight * model.predict(view.numpy(), **options) for weight, view in shown]
        return np.asarray(np.sum(parts, axis=0, dtype=np.float32))

    # Block by block: as floats all images together might be larger than memory.
    size = max(_BLOCK_VALUES // max(math.prod(images.shape[1:]), 1), _PREDICT_BATCH_SIZE)
    starts = range(0, max(len(images), 1), size)
    return np.concatenate([named(images[start : start + size]) for start in starts])


def save_finished_model(model: keras.Model, folder: RunFolder) -> None:
    """Write a ``model.keras`` that plain Keras opens, whatever optimizer trained it.

    Keras's own optimizer goes with it, so that training can go on anywhere; one of clearsight's
    own, which nobody else could load, is left out.
    """
    if isinstance(model.optimizer, Muon):
        bare = type(model).from_config(model.get_config())
        bare.set_weights(model.get_weights())
        model = bare
    save_model(model, folder)


def save_model(model: keras.Model, folder: RunFolder) -> None:
    """Write ``model.keras``, with the optimizer's state, replacing it whole."""
    with write_atomically(folder.model_path) as temporary:
        model.save(temporary)
