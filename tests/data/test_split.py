from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.stratified import stratified_split
from clearsight.data.splits.validation_split import (
    choose_validation_split,
    is_fair_sample,
    tail_split,
)


@given(st.integers(2, 5000), st.floats(0.01, 0.99))
def test_the_tail_is_the_one_that_keras_holds_out(num_images: int, fraction: float) -> None:
    from clearsight.models.keras_internals.names import train_validation_split

    train, validation = tail_split(num_images, fraction)
    try:
        (kept,), (held_out,) = train_validation_split((np.arange(num_images),), fraction)
    except ValueError:  # Keras refuses an empty side
        assert not len(train) or not len(validation)
    else:
        assert np.array_equal(train, kept)
        assert np.array_equal(validation, held_out)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=200), st.floats(0.05, 0.95), st.integers(0))
def test_a_stratified_split_is_complete_fair_and_repeatable(labels, fraction, seed) -> None:
    labels, seed = np.array(labels), seed % 2**32
    kept, held_out = stratified_split(labels, fraction, seed)
    assert np.array_equal(np.sort(np.concatenate([kept, held_out])), np.arange(len(labels)))
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        expected = count * fraction
        got = np.count_nonzero(labels[held_out] == label)
        assert abs(got - expected) <= 1
        if count >= 2:
            assert 0 < got < count
    assert np.array_equal(stratified_split(labels, fraction, seed)[1], held_out)


def test_the_published_order_of_fashion_mnist_is_a_fair_tail(
    fashion: tuple[ImageSet, ImageSet],
) -> None:
    split = choose_validation_split(fashion[0].labels[:15_000], 0.2, "tail", seed=0)
    assert split.method == "tail"
    assert split.warning is None
    assert split.validation[0] == 12_000


def test_sorted_classes_are_noticed_and_split_by_class(fashion: tuple[ImageSet, ImageSet]) -> None:
    labels = np.sort(fashion[0].labels[:15_000])
    split = choose_validation_split(labels, 0.2, "tail", seed=0)
    assert split.method == "stratified"
    assert split.warning is not None
    assert "the images seem to be sorted" in split.warning
    assert set(labels[split.validation]) == set(range(10))


@pytest.mark.parametrize(
    ("num_classes", "num_images"), [(2, 12), (2, 20), (2, 40), (3, 15), (3, 30), (4, 20), (10, 300)]
)
def test_few_sorted_images_are_noticed_too(num_classes: int, num_images: int) -> None:
    labels = np.sort(np.arange(num_images) % num_classes)
    split = choose_validation_split(labels, 0.2, "tail", seed=0)
    assert split.method == "stratified"
    assert set(labels[split.train]) == set(labels[split.validation]) == set(range(num_classes))


@pytest.mark.parametrize("num_images", [500, 5000])
def test_shuffled_labels_rarely_raise_a_false_alarm(num_images: int) -> None:
    generator = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        labels = generator.integers(0, 10, num_images)
        alarms += not is_fair_sample(labels[: num_images // 5], labels[num_images // 5 :])
    assert alarms <= 2  # 0.1 expected at the level of 0.001
