"""Which weights a training leaves, and how single images fare with them and the best ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.views import Views
from clearsight.evaluation.curve.outcomes import Outcomes
from clearsight.evaluation.scores.score import log_losses
from clearsight.run.plan.plan import Plan
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.run import predict_probabilities
from clearsight.training.checkpoint.snapshot import restore_variables
from clearsight.training.early_stopping import read_best_checkpoint
from clearsight.training.history import History, best_epoch

# Single images that are looked at: their accuracy is then known to a point.
_MOST_IMAGES = 5_000


@dataclass(frozen=True)
class FinalWeights:
    """The weights that a run ends with; the model has them.

    Attributes:
        epoch: after which they were.
        outcomes: of the last epoch's weights, whichever are kept.
        val_probabilities: float32 (B, K), what the kept weights say of validation images.
        val_labels: int64 (B,), the truth.
    """

    epoch: int
    outcomes: Outcomes
    val_probabilities: np.ndarray
    val_labels: np.ndarray


def settle_weights(plan: Plan, folder: RunFolder, history: History) -> FinalWeights:
    """Look at single images, and go back to the best epoch's weights where the recipe says so.

    Args:
        plan: whose model has been trained.
        folder: of the run, with its checkpoints.
        history: of the whole training.
    """
    splits, model = plan.data.splits, plan.model
    held_out = splits.validation or splits.train
    validation = _some(held_out, plan.data.split.validation)
    train = _some(splits.train, plan.data.split.train)
    train_correct = _named(plan, train).argmax(axis=1) == train.labels
    kept = _named(plan, validation)
    val_correct, val_losses = _fared(kept, validation)
    best_correct, best_losses = val_correct, val_losses
    epoch, checkpoint = history[-1].epoch, None
    if best_epoch(history) != epoch:
        checkpoint = read_best_checkpoint(folder.checkpoints_path, history)
    if checkpoint is not None:
        weights = model.get_weights()
        restore_variables(model, checkpoint, "model")
        best = _named(plan, validation)
        best_correct, best_losses = _fared(best, validation)
        if plan.recipe.patience:
            epoch, kept = checkpoint.epochs_done, best
        else:
            model.set_weights(weights)
    return FinalWeights(
        epoch,
        Outcomes(train_correct, val_correct, val_losses, best_correct, best_losses),
        kept,
        validation.labels,
    )


def _some(images: ImageSet, rows: np.ndarray) -> ImageSet:
    """Return the images in those rows, or as many of them, evenly spaced, as are looked at."""
    return images.take(rows[:: -(-len(rows) // _MOST_IMAGES)])


def _named(plan: Plan, images: ImageSet) -> np.ndarray:
    """Return class probabilities, float32 (N, K), as within `fit`: of plain images."""
    return predict_probabilities(plan.model, plan.preparation, images.images, Views())


def _fared(probabilities: np.ndarray, images: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each image is named rightly, bool (N,), and its loss, float64 (N,)."""
    correct = probabilities.argmax(axis=1) == images.labels
    return correct, log_losses(probabilities, images.labels)
