"""Arrays that sit in memory once, and batches gathered from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch

from clearsight.models.backend import ArrayDataAdapter, keras

_SHARED_TYPES = ("float32", "int64", "int32", "uint8", "bool")


class _Skipped:
    """Stands for a batch that was trained on before; see `InMemoryBatches.skip`."""


SKIPPED = _Skipped()
_NOTHING_SKIPPED: tuple[int, Callable[[], None]] = (0, lambda: None)


def is_skipped(data: Any) -> bool:
    """Tell whether a batch was trained on before and must not be again."""
    return data is SKIPPED


class InMemoryBatches(ArrayDataAdapter):
    """Keras's adapter for arrays, with another way to make batches of them.

    It checks its arguments, splits off nothing, weighs classes and counts batches as Keras's own
    does, and shuffles in the very order that Keras would: it draws the same random numbers.

    Attributes:
        places: int64 (B,), which images the last batch was made of; None before the first.
    """

    places: torch.Tensor | None = None
    _skipping: tuple[int, Callable[[], None]] = _NOTHING_SKIPPED

    def get_torch_dataloader(self) -> Any:
        """Return something to iterate over for one epoch: batches as nested tuples of tensors."""
        return _Epochs(self)

    @cached_property
    def tensors(self) -> Any:
        """The arrays as tensors on the device, made once: views where torch can share memory."""
        return keras.tree.map_structure(_as_tensor, self._inputs, none_is_leaf=False)

    def skip(self, num_batches: int, then: Callable[[], None]) -> None:
        """Let the next epoch begin after its first batches, in whose places `SKIPPED` comes.

        The epoch's order is drawn as ever, so that what follows is what would have followed.

        Args:
            num_batches: how many.
            then: called just before the last of them comes.
        """
        self._skipping = (num_batches, then)

    def epochs(self) -> Iterator[Any]:
        """Iterate over the batches of one epoch, shuffled if that was asked for."""
        arrays = self.tensors
        (num_skipped, then), self._skipping = self._skipping, _NOTHING_SKIPPED
        for number, places in enumerate(self._order().split(self.batch_size), 1):
            if number <= num_skipped:
                if number == num_skipped:
                    then()
                yield SKIPPED
                continue
            self.places = places
            yield self.batches_of(
                places,
                keras.tree.map_structure(
                    lambda array, places=places: array.index_select(0, places.to(array.device)),
                    arrays,
                    none_is_leaf=False,
                ),
            )

    def batches_of(self, places: torch.Tensor, batch: Any) -> Any:
        """Return a batch as it goes to the model; `places` int64 (B,) says where it comes from."""
        del places
        return batch

    def _order(self) -> torch.Tensor:
        """Draw what the samplers draw that Keras would use."""
        everything = torch.arange(self._num_samples)
        if self._shuffle == "batch":
            batches = everything.split(self.batch_size)
            return torch.cat([batch[torch.randperm(len(batch))] for batch in batches])
        if not self._shuffle:
            return everything
        seed = int(torch.empty((), dtype=torch.int64).random_())
        generator = torch.Generator().manual_seed(seed)
        return torch.randperm(self._num_samples, generator=generator)


class _Epochs:
    """What Keras asks for an iterator, once an epoch, as it would ask a torch DataLoader."""

    def __init__(self, batches: InMemoryBatches) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        # A DataLoader draws a seed for its workers as soon as it is asked.
        torch.empty((), dtype=torch.int64).random_()
        return self._batches.epochs()


def _as_tensor(array: Any) -> torch.Tensor:
    """Share an array's memory with torch where both agree on it, else copy it as Keras does."""
    is_shared = (
        isinstance(array, np.ndarray)
        and array.dtype in _SHARED_TYPES
        and array.flags.writeable
        and min(array.strides, default=0) >= 0
    )
    tensor: Any = keras.ops.convert_to_tensor(torch.from_numpy(array) if is_shared else array)
    return tensor


def is_in_memory(*arrays: Any) -> bool:
    """Tell whether all of these are arrays or tensors in memory, or absent."""
    return all(
        isinstance(array, np.ndarray | torch.Tensor | None) for array in keras.tree.flatten(arrays)
    )
