"""Arrays that are in memory as a whole, and batches gathered from them."""

import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any
from weakref import ref

import numpy as np
import torch

from clearsight.models.backend import keras
from clearsight.models.keras_internals.batches import ArrayBatches

_SHARED_TYPES = ("int64", "int32", "uint8", "bool")  # and that of keras.config.floatx()

SKIPPED = object()
"""Stands for a batch that a resumed epoch has trained on before; see `InMemoryBatches.skip`."""

_NOTHING_SKIPPED: tuple[int, Callable[[], None]] = (0, lambda: None)


class InMemoryBatches(ArrayBatches):
    """Keras's adapter for arrays, with a faster way to make batches of them.

    Arguments are checked, classes weighted and batches counted by Keras. Shuffling draws the same
    random numbers as Keras does, so the order of images is Keras's too.

    Attributes:
        indices: int64 (B,), the images of the latest batch; None before the first.
    """

    indices: torch.Tensor | None = None
    _latest: ref[torch.Tensor] | None = None
    _skipping: tuple[int, Callable[[], None]] = _NOTHING_SKIPPED

    def get_torch_dataloader(self) -> Any:
        """Return an iterable over the batches of one epoch: nested tuples of tensors."""
        return _Epoch(self)

    @cached_property
    def tensors(self) -> Any:
        """The arrays as tensors on the device, made once: views where torch can share memory.

        Arrays that would be copied in memory, or are mapped from files, stay what they are: they
        are read batch by batch, and what a callback changes in them is seen, as in Keras.
        """
        return keras.tree.map_structure(_as_source, self.arrays, none_is_leaf=False)

    def skip(self, num_batches: int, then: Callable[[], None]) -> None:
        """Replace the first batches of the next epoch by `SKIPPED`.

        The epoch's order is drawn as usual, so the remaining batches are what they would have been.

        Args:
            num_batches: number of batches to skip.
            then: called just before the last of them is yielded.
        """
        self._skipping = (num_batches, then)

    def iterate(self) -> Iterator[Any]:
        """Iterate over the batches of one epoch, shuffled if requested."""
        arrays, device = self.tensors, _device()
        (num_skipped, then), self._skipping = self._skipping, _NOTHING_SKIPPED
        for number, indices in enumerate(self._order(), 1):
            if number <= num_skipped:
                if number == num_skipped:
                    then()
                yield SKIPPED
                continue
            self.indices = indices
            batch = keras.tree.map_structure(
                lambda array, indices=indices: _rows(array, indices, device),
                arrays,
                none_is_leaf=False,
            )
            prepared = self.prepare(indices, batch)
            images, _, _ = keras.utils.unpack_x_y_sample_weight(prepared)
            if isinstance(images, torch.Tensor):
                self._latest = ref(images)  # which frees it as soon as its step is done
            yield prepared

    def prepare(self, indices: torch.Tensor, batch: Any) -> Any:
        """Return a batch as the model gets it; subclasses override this.

        Args:
            indices: int64 (B,), the images of the batch.
            batch: the rows of `tensors` at these indices.
        """
        del indices
        return batch

    def indices_of(self, images: Any) -> torch.Tensor | None:
        """Return which images these are, int64 (B,); None if they are not the latest batch's."""
        is_latest = self._latest is not None and self._latest() is images
        return self.indices if is_latest and images is not None else None

    def _order(self) -> Iterator[torch.Tensor]:
        """Yield each batch's indices, and draw random numbers as Keras does, and when it does."""
        order = torch.arange(self.num_samples)
        if self.shuffle == "batch":
            for batch in order.split(self.batch_size):
                yield batch[torch.randperm(len(batch))]
            return
        if self.shuffle:
            seed = int(torch.empty((), dtype=torch.int64).random_())
            order = torch.randperm(self.num_samples, generator=torch.Generator().manual_seed(seed))
        yield from order.split(self.batch_size)


class _Epoch:
    """One epoch of batches, iterated over by Keras as if it were a torch DataLoader."""

    def __init__(self, batches: InMemoryBatches) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        # A DataLoader draws a seed for its workers when its iteration begins.
        torch.empty((), dtype=torch.int64).random_()
        return self._batches.iterate()


def _as_source(array: Any) -> torch.Tensor | np.ndarray:
    """Return what batches of an array are gathered from: see `InMemoryBatches.tensors`."""
    if not isinstance(array, np.ndarray):
        return _on_device(array)
    is_shared = array.dtype in (keras.config.floatx(), *_SHARED_TYPES)
    if is_shared and min(array.strides, default=0) >= 0:
        with warnings.catch_warnings():
            # Batches are gathered from it, and nothing is ever written to it.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            tensor = torch.from_numpy(array)
        return tensor if isinstance(array, np.memmap) else _on_device(tensor)
    is_copied_anyway = _device().type != "cpu"
    return _converted(array) if is_copied_anyway and not isinstance(array, np.memmap) else array


def _device() -> torch.device:
    """Return the device that Keras computes on."""
    return _on_device(torch.empty(0)).device


def _rows(
    array: torch.Tensor | np.ndarray, indices: torch.Tensor, device: torch.device
) -> torch.Tensor:
    """Return rows of an array, on the device."""
    if isinstance(array, np.ndarray):
        return _converted(np.asarray(array[indices.numpy()]))
    indices = indices.to(array.device)
    # As in Keras, rows keep the order that the axes of the array have in memory.
    rows = array.index_select(0, indices) if array.is_contiguous() else array[indices]
    return rows.to(device)


def _converted(array: np.ndarray) -> torch.Tensor:
    """Return an array as a tensor on the device, in the type that Keras gives it."""
    return _on_device(array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array)


def _on_device(array: Any) -> torch.Tensor:
    """Return an array or a tensor as a tensor on the device that Keras computes on."""
    tensor: Any = keras.ops.convert_to_tensor(array)
    return tensor


def is_in_memory(*arrays: Any) -> bool:
    """Return whether all of these are None, or plain arrays or tensors with rows of numbers."""
    return all(array is None or _has_rows(array) for array in keras.tree.flatten(arrays))


def _has_rows(array: Any) -> bool:
    if isinstance(array, torch.Tensor):
        is_plain = not array.requires_grad and array.layout is torch.strided
    else:
        # Other subclasses of ndarray, such as masked arrays, have a meaning that Keras keeps.
        is_plain = type(array) in (np.ndarray, np.memmap) and array.dtype.kind in "fiub"
    return is_plain and array.ndim > 0 and len(array) > 0
