from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearsight.data.splits.stratified import stratified_folds

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)


@given(LABELS, st.integers(2, 5), st.integers(0, 100))
def test_every_class_is_spread_evenly(labels: np.ndarray, num_folds: int, seed: int) -> None:
    folds = stratified_folds(labels, num_folds, seed)
    assert set(folds.tolist()) <= set(range(num_folds))
    for label in np.unique(labels):
        counts = np.bincount(folds[labels == label], minlength=num_folds)
        assert counts.max() - counts.min() <= 1
    sizes = np.bincount(folds, minlength=num_folds)
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(folds, stratified_folds(labels, num_folds, seed))


@given(LABELS, st.integers(2, 5), st.integers(0, 100))
def test_groups_stay_together(labels: np.ndarray, num_folds: int, seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 12, len(labels))
    folds = stratified_folds(labels, num_folds, seed, [str(group) for group in groups])
    for group in np.unique(groups):
        assert len(set(folds[groups == group].tolist())) == 1
    if len(np.unique(groups)) >= num_folds:
        assert len(np.unique(folds)) >= 2


def test_even_groups_give_even_folds() -> None:
    labels = np.repeat(np.arange(3), 100)
    groups = np.arange(300) // 5
    folds = stratified_folds(labels, 4, 0, groups)
    for label in range(3):
        assert np.bincount(folds[labels == label], minlength=4).tolist() == [25] * 4
