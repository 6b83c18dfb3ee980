"""`RowOrder`: the order of a listing's images in the decoded arrays."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from clearsight.data.listing import PARTS, Listing, Part
from clearsight.errors import DataError

_SEED = 0  # fixed: the order must be the same in every run
_TRAIN, _TEST = PARTS.index("train"), PARTS.index("test")


@dataclass(frozen=True, eq=False)
class RowOrder:
    """The order of decoded images.

    Attributes:
        order: int64 (N,), the index in the listing of the image in each row.
        parts: int64 (N,), the part of each row as its number in `PARTS`; the rows of a part are
            contiguous, those to train on first.
    """

    order: np.ndarray
    parts: np.ndarray

    def rows(self, part: Part) -> slice:
        """Return the rows of a part."""
        rows = np.flatnonzero(self.parts == PARTS.index(part))
        return slice(rows[0], rows[-1] + 1) if len(rows) else slice(0)

    def without(self, rows: list[int]) -> Self:
        """Return the order when some rows are removed."""
        return type(self)(np.delete(self.order, rows), np.delete(self.parts, rows))

    def swaps(self, is_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows to swap so that the training images to hold out come last: 2 int64 (M,).

        Args:
            is_test: bool (T,), which of the T training images to hold out.
        """
        is_last = np.arange(len(is_test)) >= len(is_test) - is_test.sum()
        return np.flatnonzero(is_test & ~is_last), np.flatnonzero(is_last & ~is_test)

    def hold_out(self, is_test: np.ndarray) -> Self:
        """Return the order after `swaps`; the images of `is_test`, bool (T,), are the test set."""
        order, parts = self.order.copy(), self.parts.copy()
        rows, others = self.swaps(is_test)
        order[rows], order[others] = order[others], order[rows]
        parts[len(is_test) - is_test.sum() : len(is_test)] = _TEST
        return type(self)(order, parts)


def order_rows(listing: Listing) -> RowOrder:
    """Group a listing's images by part, and shuffle each part in a fixed way.

    Folders and tables are mostly sorted by class; once shuffled, the first images are as good a
    sample as any. The order of one part does not depend on the others.

    Raises:
        DataError: when there are no training images.
    """
    codes = np.array([PARTS.index(part) if part else _TRAIN for part in listing.parts])
    if not (codes == _TRAIN).any():
        raise DataError(f"{listing.provenance} should have training images, but has none.")
    shuffled = [
        np.random.default_rng(_SEED).permutation(np.flatnonzero(codes == code))
        for code in range(len(PARTS))
    ]
    return RowOrder(np.concatenate(shuffled), np.sort(codes))
