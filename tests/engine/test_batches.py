"""Batches from memory: Keras's order, nothing copied that need not be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clearsight.engine.batches import SKIPPED, InMemoryBatches, is_in_memory
from clearsight.models.backend import keras
from clearsight.models.keras_internals.names import ArrayDataAdapter


def epochs_of(kind: Any, shuffle: Any, **options: Any) -> list[list[int]]:
    """Collect the order of two epochs, with one of validation between, as `fit` asks for them."""
    keras.utils.set_random_seed(7)
    x = np.arange(23, dtype="float32")[:, None]
    y = np.arange(23) % 3
    training = kind(x, y, batch_size=5, shuffle=shuffle, **options)
    validation = kind(x, batch_size=4)
    orders = []
    for _ in range(2):
        order = []
        for batch in training.get_torch_dataloader():
            order += batch[0].flatten().tolist()
        orders.append(order)
        list(validation.get_torch_dataloader())
    return orders


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_the_order_is_kerass_own(shuffle: Any) -> None:
    expected = epochs_of(ArrayDataAdapter, shuffle)
    assert epochs_of(InMemoryBatches, shuffle) == expected
    assert (expected[0] != expected[1]) == bool(shuffle)


@pytest.mark.parametrize("num_skipped", [1, 3, 5])
def test_an_epoch_can_begin_within_and_keeps_its_order(num_skipped: int) -> None:
    """What comes after the skipped batches is what would have come, and the next epoch is whole."""
    keras.utils.set_random_seed(7)
    batches = InMemoryBatches(np.arange(23), batch_size=5, shuffle=True)
    expected = [batch[0].tolist() for batch in batches.get_torch_dataloader()]
    keras.utils.set_random_seed(7)
    called: list[int] = []
    batches.skip(num_skipped, lambda: called.append(1))
    found = list(batches.get_torch_dataloader())
    assert [batch is SKIPPED for batch in found] == [k < num_skipped for k in range(5)]
    assert [batch[0].tolist() for batch in found[num_skipped:]] == expected[num_skipped:]
    assert called == [1]
    assert not any(batch is SKIPPED for batch in batches.get_torch_dataloader())


def test_classes_are_weighed_as_in_keras() -> None:
    options = {"class_weight": {0: 0.5, 1: 1.0, 2: 4.0}, "batch_size": 10}
    x, y = np.zeros((20, 2), "float32"), np.arange(20) % 3
    found = list(InMemoryBatches(x, y, **options).get_torch_dataloader())
    expected = list(ArrayDataAdapter(x, y, **options).get_torch_dataloader())
    for ours, kerass in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours[2], kerass[2])


def test_an_array_is_shared_with_torch_not_copied() -> None:
    x = np.zeros((20, 3), "float32")
    tensor = InMemoryBatches(x, batch_size=5).tensors
    x[7, 1] = 5.0
    assert tensor[7, 1] == 5.0


def test_lengths_that_differ_are_refused_in_kerass_words() -> None:
    with pytest.raises(ValueError, match="Make sure all arrays contain the same number of samples"):
        InMemoryBatches(np.zeros((20, 2)), np.zeros(19), batch_size=5)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ((np.zeros(3), None), True),
        (({"a": np.zeros(3)}, [np.zeros(3)]), True),
        ((iter([]), None), False),
        (("words", None), False),
    ],
)
def test_what_counts_as_in_memory(arrays: tuple[Any, ...], expected: bool) -> None:
    assert is_in_memory(*arrays) == expected
