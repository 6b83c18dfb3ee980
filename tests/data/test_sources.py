from __future__ import annotations

import numpy as np
import pytest

from clearsight.data.sources.load import SOURCES, Source, load_data, resolve_source
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.sources.source_slice import is_source_slice, load_source_slice
from clearsight.errors import DataError


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_gives_what_it_should(source: Source) -> None:
    splits = source.load(None)
    assert source.locate(None) is not None
    for images in (splits.train, splits.test):
        assert images is not None
        assert images.images.dtype == np.uint8
        assert images.labels.dtype == np.int64
        assert images.images.max() > 200, "values should fill 0..255"
        assert (images.class_counts > 0).all()
    assert splits.train.fingerprint == source.load(None).train.fingerprint


def test_training_and_test_digits_share_no_scan() -> None:
    train, test = load_data("digits")
    assert test is not None
    assert len(train) + len(test) == 1797


def test_an_unknown_source_gets_the_nearest_name() -> None:
    with pytest.raises(DataError, match="Did you mean 'fashion-mnist'"):
        resolve_source("fashion_mnist")


def test_a_selection_counts_as_python_does() -> None:
    images = load_source_slice("fashion-mnist:test[0:5]")
    assert images.labels.tolist() == [9, 2, 1, 1, 6]
    assert images.names[4] == "fashion-mnist:test[4]"
    assert load_source_slice("fashion-mnist:test[3]").labels.tolist() == [1]
    assert len(load_source_slice("digits:test")) == 359
    assert len(load_source_slice("digits:test[350:]")) == 9
    assert load_source_slice("digits:test[-2:]").names == ("digits:test[357]", "digits:test[358]")
    assert load_source_slice("digits:test[-1]").names == ("digits:test[358]",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digits:test[900:905]", "at least one of the 359 images 0 to 358"),
        ("digits:test[5:5]", "but selects none"),
        ("digit:test[0:5]", "Did you mean 'digits'"),
        ("digits:held[0:5]", r"should look like .* but 'digits:held\[0:5\]' was"),
        ("digits:validation[0:5]", "'digits' has no validation images"),
        ("digits:test[-900]", "at least one of the 359"),
    ],
)
def test_an_invalid_slice_is_an_error(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_source_slice(text)


def test_a_path_is_not_a_slice() -> None:
    assert not is_source_slice("images/test.png")
    assert not is_source_slice("C:test.png")
    with pytest.raises(DataError, match="takes no data_dir="):
        load_data("digits", data_dir="anywhere")


def test_data_unpack_as_from_keras() -> None:
    data = load_data("digits")
    (x, y), (x_test, y_test) = data
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == (
        (1438, 8, 8, 1), (1438,), (359, 8, 8, 1), (359,),
    )  # fmt: skip
    train, test = data
    assert train is data.train is data[0]
    assert test is data.test is data[1]
    assert splits_from_object((train, test)).test is test, "and they can be trained on again"


def test_without_a_test_set_unpacking_says_so() -> None:
    train = load_data("digits").train
    data = load_data((train.images, train.labels))
    assert data[0] is data.train
    with pytest.raises(DataError, match=r"no test set: use `\.train` alone, or hold one out with"):
        (_x, _y), (_x_test, _y_test) = data
    (x, _), (x_test, _) = load_data((train.images, train.labels), test_split=0.2)
    assert 0.1 < len(x_test) / (len(x) + len(x_test)) < 0.3
