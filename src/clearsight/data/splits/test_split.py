"""Holding out a test set from a source that has none."""

from __future__ import annotations

from dataclasses import replace

from clearsight.data.splits.splits import Splits
from clearsight.data.splits.stratified import stratified_split

# Fixed: the test images must be the same in every run.
TEST_SPLIT_SEED = 0


def hold_out_test_set(splits: Splits, fraction: float) -> Splits:
    """Hold out a stratified fraction of the training images as the test set.

    Splits that have a test or a validation set already are returned unchanged.
    """
    if splits.test is not None or splits.validation is not None or fraction == 0:
        return splits
    train = splits.train
    kept, test = stratified_split(train.labels, fraction, TEST_SPLIT_SEED, train.groups)
    if not len(kept) or not len(test):
        return splits
    return replace(splits, train=train.take(kept), test=train.take(test))
