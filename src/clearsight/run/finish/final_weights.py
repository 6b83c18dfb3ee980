"""The weights that a training ends with, and single images' results with them and with the best."""

import logging
from dataclasses import dataclass

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.views import Views
from clearsight.evaluation.curve.context import ImageOutcomes
from clearsight.evaluation.scores.losses import log_losses
from clearsight.run.plan.plan import Plan
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.run import predict_probabilities
from clearsight.training.checkpoint.checkpoint import read_best_checkpoint
from clearsight.training.checkpoint.snapshot import restore_variables
from clearsight.training.history import History, best_epoch

# Images of each part that are compared one by one: their accuracy is then known to one point.
_MAX_IMAGES = 5_000

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinalWeights:
    """The weights that a run ends with; the model holds them.

    Attributes:
        epoch: after which they were reached.
        train_correct: bool (A,), whether the final weights classify each of some training images
            correctly, without augmentation and dropout.
        outcomes: of the last epoch's weights, whichever are final.
        val_probabilities: float32 (B, K), predicted for validation images by the final weights.
        val_labels: int64 (B,), their true labels.
    """

    epoch: int
    train_correct: np.ndarray
    outcomes: ImageOutcomes
    val_probabilities: np.ndarray
    val_labels: np.ndarray


def settle_weights(plan: Plan, folder: RunFolder, history: History) -> FinalWeights:
    """Restore the best epoch's weights if the recipe says so, and compare them with the last."""
    data, model = plan.data, plan.model
    validation = _sample(data.held_out, data.split.validation)
    train = _sample(data.splits.train, data.split.train)

    def predict(images: ImageSet) -> np.ndarray:  # without other views, as within `fit`
        return predict_probabilities(model, plan.preparation, images.images, Views())

    train_correct = last_correct = predict(train).argmax(axis=1) == train.labels
    final = predict(validation)
    val_losses = best_losses = log_losses(final, validation.labels)
    epoch, checkpoint, best_of_all = history[-1].epoch, None, best_epoch(history)
    if best_of_all != epoch:
        checkpoint = read_best_checkpoint(folder.checkpoints_path, history)
        if checkpoint is None and plan.recipe.patience:
            _logger.warning(
                "The checkpoint of the best epoch, %s, is missing or damaged, so the weights of "
                "the last one, %s, are kept instead.",
                best_of_all,
                epoch,
            )
    if checkpoint is not None:
        last_weights = model.get_weights()
        restore_variables(model, checkpoint, "model")
        best = predict(validation)
        best_losses = log_losses(best, validation.labels)
        if plan.recipe.patience:
            epoch, final = checkpoint.epochs_done, best
            train_correct = predict(train).argmax(axis=1) == train.labels
        else:
            model.set_weights(last_weights)
    return FinalWeights(
        epoch,
        train_correct,
        ImageOutcomes(last_correct, val_losses, best_losses),
        final,
        validation.labels,
    )


def _sample(images: ImageSet, rows: np.ndarray) -> ImageSet:
    """Return the images in those rows, or `_MAX_IMAGES` of them, evenly spaced."""
    return images.take(rows[:: -(-len(rows) // _MAX_IMAGES)])
