"""`RowOrder`: the order of a listing's images in the decoded arrays."""

from dataclasses import dataclass

import numpy as np

from clearsight.data.listing import PARTS, Listing, Part
from clearsight.data.splits.splits import TEST_SPLIT_SEED
from clearsight.data.splits.stratified import stratified_split
from clearsight.errors import DataError


@dataclass(frozen=True)
class RowOrder:
    """The order of decoded images.

    Attributes:
        order: int64 (N,), the index in the listing of the image in each row; each part's rows are
            contiguous.
        counts: number of rows of each part, in the order of `PARTS`.
    """

    order: np.ndarray
    counts: dict[Part, int]


def order_rows(listing: Listing, test_split: float) -> RowOrder:
    """Divide a listing's images into parts, and shuffle each part in a fixed way.

    Folders and tables are mostly sorted by class; once shuffled, the first images are as good a
    sample as any. The order of one part does not depend on the others. If the source does not
    divide its images, the fraction `test_split` is held out as the test set, stratified and by
    groups.

    Raises:
        DataError: when there are no training images.
    """
    codes = np.array([PARTS.index(part) if part else 0 for part in listing.parts], dtype=np.int64)
    if test_split > 0 and not any(listing.parts):
        _, test = stratified_split(listing.labels, test_split, TEST_SPLIT_SEED, listing.groups)
        codes[test] = PARTS.index("test")
    indices: dict[Part, np.ndarray] = {
        part: np.random.default_rng(TEST_SPLIT_SEED).permutation(np.flatnonzero(codes == code))
        for code, part in enumerate(PARTS)
    }
    if not len(indices["train"]):
        raise DataError(f"{listing.provenance} should have training images, but has none.")
    counts: dict[Part, int] = {part: len(chosen) for part, chosen in indices.items()}
    return RowOrder(np.concatenate(list(indices.values())), counts)
