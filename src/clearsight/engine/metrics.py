"""Keras's metrics, updated by a few tensor operations and read out only when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from clearsight.models.backend import keras

Tracker = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], None]
"""Takes targets, scores (N, K) whose largest is the prediction, and sample weights (N,) or None."""


def track_loss(model: keras.Model, loss: torch.Tensor, num_images: int) -> None:
    """Add a batch's mean loss to the model's own loss metric."""
    tracker: Any = model._loss_tracker
    tracker.total.value.add_(loss.detach(), alpha=num_images)
    tracker.count.value.add_(num_images)


def trackers_of(model: keras.Model) -> list[Tracker] | None:
    """Return a function that updates each compiled metric, when all are plain accuracies.

    Returns:
        None when there is any other, so that Keras must update them from the model's output.
    """
    if type(model).compute_metrics is not keras.Model.compute_metrics:
        return None
    compiled: Any = model._compile_metrics
    if len(model.outputs) != 1 or (compiled is not None and not compiled.built):
        return None
    if compiled is None:
        return []
    trackers: list[Tracker] = []
    for group, is_weighted in (
        (compiled._flat_metrics[0], False),
        (compiled._flat_weighted_metrics[0], True),
    ):
        for metric in group.metrics if group is not None else ():
            targets_are_classes = _ACCURACIES.get(type(metric))
            if targets_are_classes is None:
                return None
            trackers.append(_accuracy(metric, targets_are_classes, is_weighted))
    return trackers


_ACCURACIES: dict[type, bool] = {
    keras.metrics.SparseCategoricalAccuracy: True,
    keras.metrics.CategoricalAccuracy: False,
}
"""Which accuracies are known, and whether their targets are classes (else one-hot)."""


def _accuracy(metric: Any, targets_are_classes: bool, is_weighted: bool) -> Tracker:
    total, count = metric.total.value, metric.count.value

    def update(targets: torch.Tensor, scores: torch.Tensor, weights: torch.Tensor | None) -> None:
        true = targets.reshape(-1) if targets_are_classes else targets.argmax(-1)
        hits = scores.argmax(-1) == true
        if weights is None or not is_weighted:
            total.add_(hits.sum())
            count.add_(len(hits))
        else:
            weights = weights.reshape(-1)
            total.add_((hits * weights).sum())
            count.add_(weights.sum())

    return update


def _numbers(results: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give names and plain numbers; a metric of several results gives each."""
    for name, value in results.items():
        if isinstance(value, dict):
            yield from _numbers(value)
        else:
            is_number = not isinstance(value, torch.Tensor) or value.numel() == 1
            yield name, float(value) if is_number else value


class LazyLogs(dict[str, Any]):  # a dict, because callbacks may ask whether it is one
    """What Keras passes to callbacks after a batch, computed when one looks at it.

    Reading a metric out of its tensors costs more than updating it, and on a GPU waits for it.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self._model = model
        self._is_read = False

    def read(self) -> dict[str, Any]:
        """Compute the metrics, once."""
        if not self._is_read:
            self.update(sorted(_numbers(self._model.get_metrics_result())))
            self._is_read = True
        return self

    def __getitem__(self, name: str) -> Any:
        return dict.__getitem__(self.read(), name)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self.read(), name)

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self.read())

    def __len__(self) -> int:
        return dict.__len__(self.read())

    def __bool__(self) -> bool:
        return True  # without looking: there is a loss at least

    def get(self, name: str, default: Any = None) -> Any:
        """Return one value."""
        return dict.get(self.read(), name, default)

    def items(self) -> Any:
        """Return names and values."""
        return dict.items(self.read())

    def keys(self) -> Any:
        """Return the names."""
        return dict.keys(self.read())

    def values(self) -> Any:
        """Return the values."""
        return dict.values(self.read())

    def copy(self) -> dict[str, Any]:
        """Return a plain dictionary."""
        return dict(self.items())

    def __repr__(self) -> str:
        return dict.__repr__(self.read())
