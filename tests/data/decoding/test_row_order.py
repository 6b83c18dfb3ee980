"""Rows are shuffled in a fixed way, part by part, and test images move behind the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.data.decoding.arrays import make_arrays, open_arrays, swap_rows
from clearsight.data.decoding.row_order import order_rows
from clearsight.data.formats.image_files import FileReader
from clearsight.data.listing import Listing, Part
from clearsight.errors import DataError


def listing_of(labels: list[int], parts: list[Part | None] | None = None) -> Listing:
    return Listing(
        reader=FileReader("nowhere"),
        keys=tuple(str(index) for index in range(len(labels))),
        labels=np.array(labels),
        class_names=tuple(f"class {label}" for label in range(max(labels) + 1)),
        parts=tuple(parts or [None] * len(labels)),
        signature="",
        provenance="images",
    )


def test_the_order_is_always_the_same_and_not_sorted_by_class() -> None:
    labels = [0] * 50 + [1] * 50
    first, second = (order_rows(listing_of(labels)) for _ in range(2))
    assert np.array_equal(first.order, second.order)
    assert 10 < sum(labels[index] for index in first.order[:40]) < 30


def test_images_that_the_source_divides_stay_where_it_puts_them() -> None:
    parts: list[Part | None] = ["test", "train", "validation", None, "train"]
    row_order = order_rows(listing_of([0, 1, 0, 1, 0], parts))
    assert set(row_order.order[row_order.rows("train")]) == {1, 3, 4}
    assert list(row_order.order[row_order.rows("validation")]) == [2]
    assert list(row_order.order[row_order.rows("test")]) == [0]
    one_more = order_rows(listing_of([0, 1, 0, 1, 0, 1], [*parts, "test"]))
    assert list(one_more.order[:3]) == list(row_order.order[:3])
    with pytest.raises(DataError, match="should have training images, but has none"):
        order_rows(listing_of([0, 1], ["test", "validation"]))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, "validation"])), min_size=2))
def test_held_out_rows_follow_those_to_train_on(
    tmp_path_factory: pytest.TempPathFactory, images: list[tuple[bool, Part | None]]
) -> None:
    parts = [None, *(part for _, part in images)]
    row_order = order_rows(listing_of([0, 1] * len(parts), parts * 2))
    is_test = np.array(([False] + [held_out for held_out, part in images if part is None]) * 2)
    assert len(is_test) == len(row_order.order[row_order.rows("train")])
    folder = tmp_path_factory.mktemp("arrays")
    make_arrays(folder, len(row_order.order), (1, 1, 1))
    # Each image's content is its index in the listing.
    open_arrays(folder, "r+").facts[:, 0] = row_order.order

    held_out = row_order.hold_out(is_test)
    swap_rows(folder, *row_order.swaps(is_test))
    assert np.array_equal(open_arrays(folder).facts[:, 0], held_out.order)
    chosen = row_order.order[: len(is_test)][is_test]
    assert set(held_out.order[held_out.rows("test")]) == set(chosen)
    assert sorted(held_out.order) == list(range(len(held_out.order)))
    assert np.array_equal(
        held_out.order[held_out.rows("validation")], row_order.order[row_order.rows("validation")]
    )
