"""`FitWarnings`: what `check_fit` finds in the data of an accelerated `fit`, as warnings."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch

from clearsight.engine.batches import InMemoryBatches
from clearsight.models.backend import keras
from clearsight.models.fit_check.check_fit import fit_mistakes, has_one_input_and_output
from clearsight.models.fit_check.sample import Sample

_SHOWN_AT_CALLERS_OF = {"keras", "clearsight"}


class FitWarnings:
    """Warns of mistakes in the data of one `fit`, once, before Keras works on it.

    Arrays are read where they are, a few rows of each; of anything that makes batches, the first
    batch is read when Keras has asked for it. So nothing is drawn, called or copied for the check,
    and no device is waited for.

    Args:
        model: the accelerated model; one with several inputs or outputs is not checked.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._is_done = not has_one_input_and_output(model)

    def see_arguments(self, given: dict[str, Any]) -> None:
        """Check arrays among the arguments of `fit`."""
        x, y = given.get("x"), given.get("y")
        if self._is_done or isinstance(x, InMemoryBatches):
            self._is_done = True  # the latter are made of images that were checked
            return
        if (images := _array_in(x)) is not None:
            self._is_done = True
            if self._warn(images, y, "x", "y"):
                return
        validation = given.get("validation_data")
        if isinstance(validation, list | tuple) and len(validation) in (2, 3):
            images = _array_in(validation[0])
            if images is not None:
                self._warn(images, validation[1], "x_val", "y_val", "In validation_data: ")

    def see_batch(self, batch: Any) -> None:
        """Check the first batch that Keras gets, if nothing was checked before."""
        if self._is_done:
            return
        self._is_done = True
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if (images := _array_in(x)) is not None:
            self._warn(images, y, "x", "y")

    def watch(self, iterator: Iterable[Any]) -> Iterator[Any]:
        """Yield what Keras's iterator over an epoch yields, and check its first batch."""
        for begin, end, batches in iterator:
            if isinstance(batches, list | tuple) and batches:
                self.see_batch(batches[0])
            yield begin, end, batches

    def _warn(self, x: Any, y: Any, x_name: str, y_name: str, prefix: str = "") -> bool:
        """Warn of each mistake; return whether there is any."""
        labels = _array_in(y)
        mistakes = fit_mistakes(
            self._model,
            Sample.spread(x, x_name),
            None if labels is None else Sample.spread(labels, y_name),
        )
        for mistake in mistakes:
            warnings.warn(prefix + mistake, stacklevel=_levels_to_user())
        return bool(mistakes)


def _array_in(value: Any) -> np.ndarray | torch.Tensor | None:
    """Return an array or a tensor, perhaps the only one in a list or dict; None for others."""
    array: Any = value
    if isinstance(value, list | tuple | dict) and len(value) == 1:
        (array,) = value.values() if isinstance(value, dict) else value
    is_plain = type(array) in (np.ndarray, np.memmap) or isinstance(array, torch.Tensor)
    return array if is_plain and array.ndim and len(array) else None


def _levels_to_user() -> int:
    """Return the `stacklevel` at which a warning of the calling function shows the user's line."""
    level, frame = 0, inspect.currentframe()
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in _SHOWN_AT_CALLERS_OF:
            break
        level, frame = level + 1, frame.f_back
    return level
