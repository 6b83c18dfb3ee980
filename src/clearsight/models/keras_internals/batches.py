"""The arrays that `fit` gets."""

from typing import Any, Literal

from clearsight.models.keras_internals.names import ArrayDataAdapter


class ArrayBatches(ArrayDataAdapter):
    """Keras's adapter for arrays in memory, to be subclassed.

    Attributes:
        arrays: x, y and sample weights, nested as Keras's `pack_x_y_sample_weight` nests them.
        num_samples: how many.
        shuffle: True, False or "batch".
    """

    @property
    def arrays(self) -> Any:
        """Return x, y and sample weights."""
        return self._inputs

    @property
    def num_samples(self) -> int:
        """Return the number of images."""
        return self._num_samples

    @property
    def shuffle(self) -> bool | Literal["batch"]:
        """Return how the images are shuffled."""
        return self._shuffle
