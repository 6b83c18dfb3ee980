"""Keras's metrics, updated by few tensor operations and read only when a callback reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch

from clearsight.models.backend import keras
from clearsight.models.keras_internals import compiled_metrics, loss_tracker

MetricUpdate = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], None]
"""Takes targets, scores (N, K) whose largest is the prediction, and sample weights (N,) or None."""

_HAS_INTEGER_TARGETS: dict[type, bool] = {
    keras.metrics.SparseCategoricalAccuracy: True,
    keras.metrics.CategoricalAccuracy: False,
}
"""The metrics that are updated here, and whether their targets are integers or one-hot."""


def track_loss(model: keras.Model, loss: torch.Tensor, num_images: int) -> None:
    """Add a batch's mean loss to the model's own loss metric."""
    tracker = loss_tracker(model)
    tracker.total.value.add_(loss.detach(), alpha=num_images)
    tracker.count.value.add_(num_images)


def metric_updates(model: keras.Model) -> list[MetricUpdate] | None:
    """Return a function for each compiled metric that updates it, if all are plain accuracies.

    Returns:
        None if there is any other, which Keras then updates from the model's outputs.
    """
    metrics = compiled_metrics(model)
    if metrics is None or any(type(metric) not in _HAS_INTEGER_TARGETS for metric, _ in metrics):
        return None
    return [_accuracy(metric, is_weighted) for metric, is_weighted in metrics]


def _accuracy(metric: Any, is_weighted: bool) -> MetricUpdate:
    total, count = metric.total.value, metric.count.value
    has_integer_targets = _HAS_INTEGER_TARGETS[type(metric)]

    def update(targets: torch.Tensor, scores: torch.Tensor, weights: torch.Tensor | None) -> None:
        true = targets.reshape(-1) if has_integer_targets else targets.argmax(-1)
        is_correct = scores.argmax(-1) == true
        if weights is None or not is_weighted:
            total.add_(is_correct.sum())
            count.add_(len(is_correct))
        else:
            weights = weights.reshape(-1)
            total.add_((is_correct * weights).sum())
            count.add_(weights.sum())

    return update


def _flatten(results: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and numbers; a metric with several results yields each of them."""
    for name, value in results.items():
        if isinstance(value, dict):
            yield from _flatten(value)
        else:
            is_number = not isinstance(value, torch.Tensor) or value.numel() == 1
            yield name, float(value) if is_number else value


def _read_first(method: Callable[..., Any]) -> Any:
    """Make a method of dict read the metrics before it runs."""

    @wraps(method)
    def call(logs: LazyLogs, *arguments: Any) -> Any:
        return method(logs.read(), *arguments)

    return call


class LazyLogs(dict[str, Any]):  # a dict, because callbacks may check for one
    """What Keras passes to callbacks after a batch, computed when first used.

    Reading a metric costs more than updating it, and on a GPU waits for it.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self._model = model
        self._is_read = False

    def read(self) -> LazyLogs:
        """Compute the metrics, once."""
        if not self._is_read:
            self.update(sorted(_flatten(self._model.get_metrics_result())))
            self._is_read = True
        return self

    def __bool__(self) -> bool:
        return True  # without reading: it has a loss at least

    __contains__ = _read_first(dict.__contains__)
    __getitem__ = _read_first(dict.__getitem__)
    __iter__ = _read_first(dict.__iter__)
    __len__ = _read_first(dict.__len__)
    __repr__ = _read_first(dict.__repr__)
    copy = _read_first(dict.copy)
    get = _read_first(dict.get)
    items = _read_first(dict.items)
    keys = _read_first(dict.keys)
    values = _read_first(dict.values)
