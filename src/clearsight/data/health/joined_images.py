"""`JoinedImages`: the images of several sets, numbered as if they were in one array."""

from typing import Protocol

import numpy as np

from clearsight.data.image_set import ImageSet

_MAX_VALUES, _MAX_IMAGES = 16_000_000, 4096  # in a block: tens of megabytes


def block_length(shape: tuple[int, ...]) -> int:
    """Return how many images of shape (N, H, W, C) to process at once."""
    return int(np.clip(_MAX_VALUES // max(int(np.prod(shape[1:])), 1), 1, _MAX_IMAGES))


class Images(Protocol):
    """Images that can be indexed by numbers: uint8 (N, H, W, C), an array or several joined."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, numbers: np.ndarray, /) -> np.ndarray: ...


class JoinedImages:
    """The images of several sets, of one shape, as if they were in one array; not copied."""

    def __init__(self, sets: tuple[ImageSet, ...]) -> None:
        self._arrays = [images.images for images in sets]
        self._starts = np.cumsum([0, *(len(images) for images in sets)])
        self.shape = (int(self._starts[-1]), *self._arrays[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        """Return a copy of the images with these numbers: int64 (M,) to uint8 (M, H, W, C)."""
        taken = np.empty((len(numbers), *self.shape[1:]), dtype=np.uint8)
        owners = np.searchsorted(self._starts, numbers, side="right") - 1
        for owner in np.unique(owners):
            inside = owners == owner
            taken[inside] = self._arrays[owner][numbers[inside] - self._starts[owner]]
        return taken
