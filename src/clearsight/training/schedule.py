"""How the learning rate changes during a training."""

from typing import Any

from clearsight.models.backend import keras
from clearsight.training.recipe import Recipe


def learning_rate_factor(recipe: Recipe, step: int, num_steps: int) -> float:
    """Return the factor of the learning rate at a step, counted from 0, of `num_steps`.

    "triangular" rises linearly from ``first_factor`` to 1 within the first ``warmup`` of the steps,
    then falls linearly to ``last_factor``. Source: Smith, https://arxiv.org/abs/1506.01186.

    Example:
        >>> recipe = Recipe(
        ...     name="x", summary="", schedule="triangular", warmup=0.5, first_factor=0.2)
        >>> [round(learning_rate_factor(recipe, step, 4), 2) for step in range(4)]
        [0.4, 0.8, 0.75, 0.25]
    """
    if recipe.schedule == "constant":
        return 1.0
    done = (step + 0.5) / num_steps
    if done < recipe.warmup:
        return recipe.first_factor + (1.0 - recipe.first_factor) * done / recipe.warmup
    return 1.0 - (1.0 - recipe.last_factor) * (done - recipe.warmup) / (1.0 - recipe.warmup)


class LearningRateSchedule(keras.callbacks.Callback):
    """Sets the optimizer's learning rate before every step.

    Args:
        recipe: whose schedule it is.
        steps_per_epoch: batches per epoch.
        first_epoch: the number of epochs done before, if a run is resumed.
    """

    def __init__(self, recipe: Recipe, steps_per_epoch: int, *, first_epoch: int = 0) -> None:
        super().__init__()
        self._recipe = recipe
        self._num_steps = recipe.epochs * steps_per_epoch
        self._step = first_epoch * steps_per_epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the learning rate of this step."""
        del batch, logs
        model: Any = self.model
        factor = learning_rate_factor(self._recipe, self._step, self._num_steps)
        model.optimizer.learning_rate.assign(self._recipe.learning_rate * factor)
        self._step += 1
