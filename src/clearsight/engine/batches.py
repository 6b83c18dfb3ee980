"""Arrays that sit in memory once, and batches gathered from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from clearsight.models.backend import ArrayDataAdapter, keras


class InMemoryBatches(ArrayDataAdapter):
    """Keras's adapter for arrays, with another way to make batches of them.

    It checks its arguments, splits off nothing, weighs classes and counts batches as Keras's own
    does, and shuffles in the very order that Keras would: it draws the same random numbers.
    """

    def get_torch_dataloader(self) -> Any:
        """Return something to iterate over for one epoch: batches as nested tuples of tensors."""
        return _Epochs(self)

    def tensors(self) -> Any:
        """Return the arrays as tensors: views of them where torch can share their memory."""
        return keras.tree.map_structure(
            keras.ops.convert_to_tensor, self._inputs, none_is_leaf=False
        )


class _Epochs:
    """Iterates over the batches of one epoch."""

    def __init__(self, batches: InMemoryBatches) -> None:
        self._batches = batches
        self._arrays = batches.tensors()

    def __iter__(self) -> Iterator[Any]:
        # A DataLoader draws a seed for its workers as soon as it is asked for an iterator.
        torch.empty((), dtype=torch.int64).random_()
        return self._each_batch()

    def _each_batch(self) -> Iterator[Any]:
        size = self._batches.batch_size
        if self._batches._shuffle:
            for places in self._shuffled_order().split(size):
                yield self._gather(lambda array, places=places: array.index_select(0, places))
        else:
            for first in range(0, self._batches._num_samples, size):
                yield self._gather(lambda array, first=first: array[first : first + size])

    def _gather(self, take: Any) -> Any:
        return keras.tree.map_structure(take, self._arrays, none_is_leaf=False)

    def _shuffled_order(self) -> torch.Tensor:
        """Draw what a torch DataLoader with a RandomSampler draws, which is what Keras makes."""
        if self._batches._shuffle == "batch":
            return torch.cat(self._shuffled_within_batches())
        seed = int(torch.empty((), dtype=torch.int64).random_())
        generator = torch.Generator().manual_seed(seed)
        return torch.randperm(self._batches._num_samples, generator=generator)

    def _shuffled_within_batches(self) -> list[torch.Tensor]:
        places = torch.arange(self._batches._num_samples).split(self._batches.batch_size)
        return [batch[torch.randperm(len(batch))] for batch in places]


def is_in_memory(*arrays: Any) -> bool:
    """Tell whether all of these are arrays or tensors in memory, or absent."""
    return all(
        isinstance(array, np.ndarray | torch.Tensor | None) for array in keras.tree.flatten(arrays)
    )
