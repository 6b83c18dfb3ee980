"""`Examples`, stored images with targets, and `ImageBatches`, the batches made of them."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from clearsight.engine.batches import InMemoryBatches

# A GPU holds all images if they take at most this fraction of its free memory.
_MAX_RESIDENT_FRACTION = 0.5


@dataclass(frozen=True, eq=False)
class Examples:
    """Images and targets to train or validate on.

    Images stay as stored, perhaps mapped from a file larger than memory; only those of the current
    batch are converted to floats.

    Attributes:
        images: uint8 (N, H, W, C), 0..255.
        rows: int64 (M,), the images to use.
        targets: (M, ...), one for each row.
        divisor: pixel values are divided by this; see `Preparation`.
    """

    images: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    divisor: float


class ImageBatches(InMemoryBatches):
    """Batches of stored images, converted to floats for the network.

    Args:
        examples: images and targets.
        batch_size: images per batch.
        shuffle: whether to shuffle each epoch, in the order that Keras would draw.
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
            if images.nbytes <= _MAX_RESIDENT_FRACTION * free_bytes:
                return images.to(device)
        return images

    def prepare(self, indices: torch.Tensor, batch: Any) -> Any:
        """Gather the images of a batch and scale their pixels: float32 (B, H, W, C)."""
        rows, targets = batch
        stored = self.stored
        images = stored.index_select(0, rows.to(stored.device)).to(rows.device, torch.float32)
        return self.transform(indices, images.div_(self._examples.divisor)), targets

    def transform(self, indices: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Return the images of a batch as the model gets them.

        Args:
            indices: int64 (B,), which of the rows they are.
            images: float32 (B, H, W, C).
        """
        del indices
        return images
