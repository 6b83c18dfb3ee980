"""`LoopContext`: what may happen between the steps of one of Keras's loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearsight.engine.batches import InMemoryBatches
from clearsight.engine.callbacks import BatchedCallbacks, has_users, may_change_model
from clearsight.engine.fit_warnings import FitWarnings
from clearsight.engine.frozen_features import FrozenFeatures
from clearsight.models.backend import keras


@dataclass(frozen=True)
class LoopContext:
    """What may happen between the steps of a loop.

    Attributes:
        defers_logs: whether `BatchedCallbacks` read the logs.
        runs_user_code: whether a user's code runs between steps: in a callback, in what makes the
            batches, or because the user makes the steps.
        fit_warnings: what is checked before a `fit`; None for other loops.
        features: where a frozen part's features are kept; None unless this is a `fit` of several
            epochs on the same images.
    """

    defers_logs: bool = False
    runs_user_code: bool = True
    fit_warnings: FitWarnings | None = None
    features: FrozenFeatures | None = None

    @classmethod
    def of(cls, given: dict[str, Any], fit_warnings: FitWarnings | None) -> LoopContext:
        """Return what may happen in a loop with these arguments."""
        callbacks = given.get("callbacks")
        is_batched = isinstance(callbacks, BatchedCallbacks)
        # With a user's own `CallbackList`, steps are not compiled again when an epoch begins.
        is_users_list = isinstance(callbacks, keras.callbacks.CallbackList) and not is_batched
        makes_batches = not isinstance(given.get("x"), InMemoryBatches)  # a generator, a dataset
        runs_user_code = makes_batches or is_users_list or may_change_model(callbacks)
        features = None if runs_user_code else _features(given)
        return cls(is_batched, runs_user_code, fit_warnings, features)


def _features(given: dict[str, Any]) -> FrozenFeatures | None:
    batches, validation = given.get("x"), given.get("validation_data")
    is_repeated = (given.get("epochs") or 1) - (given.get("initial_epoch") or 0) > 1
    if not is_repeated or type(batches) is not InMemoryBatches:
        return None  # a subclass may augment
    is_validated_on_arrays = validation is None or (
        isinstance(validation, tuple | list) and isinstance(validation[0], InMemoryBatches)
    )
    may_change = not is_validated_on_arrays or has_users(given.get("callbacks"))
    return FrozenFeatures(batches, may_change=may_change)
