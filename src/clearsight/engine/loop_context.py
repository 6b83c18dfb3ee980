"""`LoopContext`: what may happen between the steps of a loop of Keras's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearsight.engine.batches import InMemoryBatches
from clearsight.engine.callbacks import BatchedCallbacks, may_change_model
from clearsight.engine.fit_warnings import FitWarnings
from clearsight.models.backend import keras


@dataclass(frozen=True)
class LoopContext:
    """What may happen between the steps of a loop.

    Attributes:
        defers_logs: whether `BatchedCallbacks` read the logs.
        runs_user_code: whether a user's code runs between steps: in a callback, in what makes the
            batches, or because the user makes the steps.
        fit_warnings: of a `fit`: see them.
    """

    defers_logs: bool = False
    runs_user_code: bool = True
    fit_warnings: FitWarnings | None = None

    @classmethod
    def of(cls, given: dict[str, Any], fit_warnings: FitWarnings | None) -> LoopContext:
        """Return what may happen in a loop with these arguments."""
        callbacks = given.get("callbacks")
        is_batched = isinstance(callbacks, BatchedCallbacks)
        # Steps are not compiled again at the beginning of an epoch for a user's own list.
        is_users_list = isinstance(callbacks, keras.callbacks.CallbackList) and not is_batched
        makes_batches = not isinstance(given.get("x"), InMemoryBatches)  # a generator, a dataset
        runs_user_code = makes_batches or is_users_list or may_change_model(callbacks)
        return cls(is_batched, runs_user_code, fit_warnings)
