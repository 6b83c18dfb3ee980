"""`Examples`: images with their targets as they are stored, and batches made of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from clearsight.engine.batches import InMemoryBatches

# A GPU holds all images when they take at most this share of what it has free.
_RESIDENT_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Examples:
    """What a network learns from or is measured on.

    Images stay as they are stored, perhaps mapped from a file that is larger than memory; only
    those of a batch become floats.

    Attributes:
        images: uint8 (N, H, W, C), 0..255.
        rows: int64 (M,), which of them take part.
        targets: (M, ...), for each row.
        divisor: pixel values are divided by this; see `Preparation`.
    """

    images: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    divisor: float


class ImageBatches(InMemoryBatches):
    """Batches of stored images, made floats as a network takes them.

    Args:
        examples: images and targets.
        batch_size: images a batch.
        shuffle: whether each epoch has an order of its own, the one that Keras would draw.
    """

    def __init__(self, examples: Examples, batch_size: int, *, shuffle: bool) -> None:
        super().__init__(examples.rows, examples.targets, batch_size=batch_size, shuffle=shuffle)
        self._examples = examples

    @cached_property
    def stored(self) -> torch.Tensor:
        """The images, uint8 (N, H, W, C): a view of the array, or a copy on the GPU."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            images = torch.from_numpy(self._examples.images)
        device = self.tensors[0].device
        if device.type == "cuda":
            free_bytes, _ = torch.cuda.mem_get_info(device)
            if images.nbytes <= _RESIDENT_SHARE * free_bytes:
                return images.to(device)
        return images

    def batches_of(self, places: torch.Tensor, batch: Any) -> Any:
        """Gather a batch's images: float32 (B, H, W, C), divided as they are for the network."""
        rows, targets = batch
        stored = self.stored
        images = stored.index_select(0, rows.to(stored.device)).to(rows.device, torch.float32)
        return self.changed(places, images.div_(self._examples.divisor)), targets

    def changed(self, places: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Return the images of a batch as they go to the model.

        Args:
            places: int64 (B,), where in the rows they come from.
            images: float32 (B, H, W, C).
        """
        del places
        return images
