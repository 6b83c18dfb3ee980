"""In which order the images of a listing stand in the decoded array: part by part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.listing import PARTS, Listing, Part
from clearsight.data.splits.stratified import stratified_split
from clearsight.errors import DataError

# Fixed: the test images and the order of images are to be the same in every run.
_SEED = 0


@dataclass(frozen=True)
class RowOrder:
    """The order of decoded images.

    Attributes:
        order: int64 (N,), which image of the listing stands in each row. The rows of one part
            follow each other.
        counts: how many rows each part has, in the order of `PARTS`.
    """

    order: np.ndarray
    counts: dict[Part, int]


def order_rows(listing: Listing, test_split: float) -> RowOrder:
    """Divide images into parts, and put each part into a fixed random order.

    Folders and tables are mostly sorted by class; in random order the first images are as good a
    sample as any. The order of one part is the same whatever is in the others.

    Args:
        listing: what the source names.
        test_split: share that is kept for the test, stratified and by groups, where the source
            does not divide its images; 0 for none.

    Raises:
        DataError: when there are no training images.
    """
    codes = np.array([PARTS.index(part) if part else 0 for part in listing.parts], dtype=np.int64)
    is_divided = any(part is not None for part in listing.parts)
    if not is_divided and test_split > 0:
        _, test = stratified_split(listing.labels, test_split, _SEED, listing.groups)
        codes[test] = PARTS.index("test")
    members: dict[Part, np.ndarray] = {
        part: np.flatnonzero(codes == code) for code, part in enumerate(PARTS)
    }
    counts: dict[Part, int] = {part: len(indices) for part, indices in members.items()}
    order = np.concatenate(
        [np.random.default_rng(_SEED).permutation(indices) for indices in members.values()]
    )
    if not counts["train"]:
        raise DataError(f"{listing.provenance} should have training images, but has none.")
    return RowOrder(order, counts)
