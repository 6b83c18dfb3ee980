"""Test images are set aside fairly, always the same, and groups stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.data.decoding.row_order import order_rows
from clearsight.data.formats.image_files import FileReader
from clearsight.data.listing import PARTS, Listing, Part
from clearsight.data.splits.stratified import stratified_split
from clearsight.errors import DataError


def listing_of(
    labels: list[int], parts: list[Part | None] | None = None, groups: list[str] | None = None
) -> Listing:
    return Listing(
        reader=FileReader("nowhere"),
        keys=tuple(str(index) for index in range(len(labels))),
        labels=np.array(labels),
        class_names=tuple(f"class {label}" for label in range(max(labels) + 1)),
        parts=tuple(parts or [None] * len(labels)),
        signature="",
        provenance="images",
        groups=tuple(groups) if groups else None,
    )


@given(
    st.lists(st.integers(0, 3), min_size=8, max_size=80),
    st.floats(0.05, 0.6),
)
def test_every_class_gives_its_share_to_the_test(labels: list[int], share: float) -> None:
    row_order = order_rows(listing_of(labels), share)
    assert sorted(row_order.order) == list(range(len(labels)))
    assert sum(row_order.counts.values()) == len(labels)
    test = row_order.order[len(labels) - row_order.counts["test"] :]
    for label in set(labels):
        members = labels.count(label)
        taken = sum(labels[index] == label for index in test)
        assert abs(taken - members * share) <= 1 or members == 1


def test_the_order_is_always_the_same_and_not_sorted_by_class() -> None:
    labels = [0] * 50 + [1] * 50
    first, second = (order_rows(listing_of(labels), 0.2) for _ in range(2))
    assert np.array_equal(first.order, second.order)
    assert 10 < sum(labels[index] for index in first.order[:40]) < 30


def test_images_that_the_source_divides_stay_where_it_puts_them() -> None:
    parts: list[Part | None] = ["test", "train", "validation", None, "train"]
    row_order = order_rows(listing_of([0, 1, 0, 1, 0], parts), 0.5)
    assert row_order.counts == {"train": 3, "validation": 1, "test": 1}
    assert set(row_order.order[:3]) == {1, 3, 4}
    assert list(row_order.order[3:]) == [2, 0]
    one_more = order_rows(listing_of([0, 1, 0, 1, 0, 1], [*parts, "test"]), 0.5)
    assert list(one_more.order[:3]) == list(row_order.order[:3])
    with pytest.raises(DataError, match="should have training images, but has none"):
        order_rows(listing_of([0, 1], ["test", "validation"]), 0.5)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=10, max_size=120),
    st.floats(0.1, 0.5),
    st.integers(0, 5),
)
def test_a_group_stays_on_one_side(images: list[tuple[int, int]], share: float, seed: int) -> None:
    labels = np.array([label for label, _ in images])
    groups = [f"patient {group}" for _, group in images]
    kept, held_out = stratified_split(labels, share, seed, groups)
    assert sorted([*kept, *held_out]) == list(range(len(labels)))
    sides = [{groups[index] for index in side} for side in (kept, held_out)]
    assert not sides[0] & sides[1]
    if len(set(groups)) > 1:
        assert len(held_out)


def test_groups_that_are_single_images_are_divided_as_by_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    groups = [str(index) for index in range(200)]
    _, held_out = stratified_split(labels, 0.25, 0, groups)
    assert np.array_equal(np.bincount(labels[held_out]), [25, 15, 10])
    assert len(PARTS) == 3
