"""Labels of any form mean the same images, and what means nothing gets a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.data.labels.class_names import ClassNames
from clearsight.data.labels.encode import encode_labels
from clearsight.errors import DataError

FORMS = {
    "integers": lambda codes: codes,
    "a list": lambda codes: codes.tolist(),
    "small integers": lambda codes: codes.astype(np.uint8),
    "whole floats": lambda codes: codes.astype(np.float32),
    "a column": lambda codes: codes[:, None],
    "one-hot": lambda codes: np.eye(codes.max() + 1)[codes],
    "one-hot bools": lambda codes: np.eye(codes.max() + 1, dtype=bool)[codes],
    "digits": lambda codes: codes.astype(str),
    "whole floats as text": lambda codes: [f"{code}.0" for code in codes],
    "bytes": lambda codes: codes.astype("S"),
    "Python objects": lambda codes: codes.astype(object),
    "scalars": lambda codes: [np.int32(code) for code in codes],
}


@pytest.mark.parametrize("form", FORMS)
@given(num_classes=st.integers(2, 12), data=st.data())
def test_every_form_of_the_same_labels_gives_the_same(form: str, num_classes: int, data) -> None:
    # Every class occurs, so that the classes can be inferred from the labels.
    more = data.draw(st.lists(st.integers(0, num_classes - 1), max_size=10))
    codes = np.array(data.draw(st.permutations([*range(num_classes), *more, 0])))
    encoded = encode_labels(FORMS[form](codes))
    assert encoded.codes.tolist() == codes.tolist()
    assert encoded.codes.dtype == np.int64
    assert encoded.class_names == tuple(str(code) for code in range(num_classes))
    assert encoded.notes == ()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, 2, 3, 1], ("1", "2", "3")),
        ([10, 0, 5, 10], ("0", "5", "10")),
        ([-1, 1, 1, -1], ("-1", "1")),
        (["7", "3", "3"], ("3", "7")),
    ],
)
def test_other_numbers_are_ranked_and_keep_their_names(values: Any, names: tuple) -> None:
    encoded = encode_labels(values)
    assert encoded.class_names == names
    assert [names[code] for code in encoded.codes] == [str(value) for value in values]
    assert "renumbered" in encoded.notes[0]


def test_bools_and_text_keep_what_they_say() -> None:
    assert encode_labels([True, False, True]).class_names == ("False", "True")
    assert encode_labels([True, False, True]).codes.tolist() == [1, 0, 1]
    assert encode_labels(["b ", "a", "b"]).codes.tolist() == [1, 0, 1]
    assert encode_labels(["007", "7"]).class_names == ("007", "7")


def test_names_that_differ_in_case_only_are_noted() -> None:
    assert (
        "'Cat', 'cat' differ only in upper and lower case" in encode_labels(["Cat", "cat"]).notes[0]
    )
    assert encode_labels(["A", "a", "B"]).notes == ()  # as letters do


PETS = ClassNames.listed(["cat", "dog", "emu"])


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ([2, 0, 2], PETS, [2, 0, 2]),
        (["2", "0"], PETS, [2, 0]),
        (["emu", "cat"], PETS, [2, 0]),
        ([3, 1, 1], PETS, [2, 0, 0]),  # counted from 1, as 3 shows
        (np.eye(3)[[2, 0]], PETS, [2, 0]),
        ([20, 10], ClassNames(("cat", "dog"), (10, 20)), [1, 0]),
        ([5, 3, 8], ClassNames.listed(["8", "5", "3"]), [1, 2, 0]),  # names that are numbers
    ],
)
def test_with_names_numbers_are_indices_of_the_list(values: Any, names, codes) -> None:
    encoded = encode_labels(values, names)
    assert encoded.codes.tolist() == codes
    assert encoded.class_names == names.names


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        ([0, 1, 4], PETS, r"classes that have names \(0 to 2\), but '4' is among them"),
        ([0, 1, -1], PETS, "'-1' is among them"),
        (["cat", "dgo"], PETS, "but 'dgo' is not. Did you mean 'dog'"),
        (np.eye(4), PETS, "one-hot with 4 columns"),
        ([[0.2, 0.8], [0.5, 0.5]], None, "one-hot .* but are float64"),
        ([[1, 1], [0, 1]], None, "with a single 1 in each row, but are int64"),
        ([0.5, 1], None, "measurements such as 0.5: clearsight trains classifiers"),
        ([0, np.nan], None, "1 of 2 are NaN or infinite"),
        (["a", "b" * 5000], None, "but one has 5,000 characters"),
        (["a", ""], None, "1 of 2 are empty"),
        (np.array(["a", None, "b"], object), None, "1 of 3 are missing"),
        (np.array(["a", 1], object), None, "all be numbers or all be text, but are int, str"),
        (np.array([{}, {}], object), None, "but are dict"),
        ([], None, "at least one, but there is none"),
        ([3, 3, 3], None, "at least two classes, but all are '3'"),
        (np.arange(100), None, "all 100 differ"),
        ([[1, 2], [3]], None, "differ in shape"),
        (np.array([1 + 2j, 0]), None, "integers, text or one-hot, but are complex128"),
        (np.array(2**63 + 5, np.uint64)[None], None, "go up to"),
        (np.datetime64("2020-01-01") + np.arange(2), None, "but are datetime64"),
        (np.array([0x61, 0x110000], "<u4").view("<U1"), None, "have invalid characters"),
        (np.array([0x61, 0x110000], ">u4").view(">U1"), None, "have invalid characters"),
        (np.array([0x61, 0xD800], "<u4").view("<U1"), None, "have invalid characters"),
    ],
)
def test_invalid_labels_are_an_error(values: Any, names: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_labels(values, names)
