"""Keras's metrics, updated by few tensor operations and read only when something needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import torch

from clearsight.models.backend import keras
from clearsight.models.keras_internals.compiled import compiled_metrics, loss_tracker
from clearsight.models.keras_internals.names import pythonify_logs

MetricUpdate = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], None]
"""Takes targets, scores (N, K) whose largest is the prediction, and sample weights (N,) or None."""

_HAS_INTEGER_TARGETS: dict[type, bool] = {
    keras.metrics.SparseCategoricalAccuracy: True,
    keras.metrics.CategoricalAccuracy: False,
}
"""The metrics that are updated here, and whether their targets are integers or one-hot."""


def track_loss(model: keras.Model, loss: torch.Tensor, num_images: int) -> None:
    """Add a batch's mean loss, float (), to the model's own loss metric."""
    tracker = loss_tracker(model)
    tracker.total.value.add_(loss.detach() * num_images)  # rounded twice, as in Keras
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


class DeferredLogs(Mapping[str, Any]):
    """The logs of a batch, for Keras's loop and `BatchedCallbacks`: computed when they are read.

    Reading a metric costs more than updating it, and on a GPU waits for it. Callbacks get `read`'s
    plain dict. Keras's loop, after its last batch, gets the metrics as they are then.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._latest: dict[str, Any] = {}

    @cached_property
    def _for_callbacks(self) -> dict[str, Any]:
        return self._compute()

    def _compute(self) -> dict[str, Any]:
        return read_logs(self._model.get_metrics_result())

    def read(self) -> dict[str, Any]:
        """Return the metrics as they were when first read: one dict, which callbacks may change."""
        return self._for_callbacks

    def __bool__(self) -> bool:
        return True  # without computing them: there is a loss at least

    def __getitem__(self, name: str) -> Any:
        return self._latest[name]

    def __iter__(self) -> Iterator[str]:
        self._latest = self._compute()
        return iter(self._latest)

    def __len__(self) -> int:
        return len(self._compute())


def read_logs(logs: Any) -> dict[str, Any]:
    """Return logs as Keras passes them to callbacks: flat, sorted, floats where possible."""
    return logs.read() if isinstance(logs, DeferredLogs) else pythonify_logs(logs)
