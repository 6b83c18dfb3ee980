"""Encoding labels of any form as class numbers and class names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import describe, is_one_hot
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.labels.label_array import is_integer, normalize_labels, to_label_array
from clearsight.errors import DataError, did_you_mean, list_some

# At least so many labels that are all different are names or numbers of images, not classes.
_MIN_ALL_DIFFERENT = 20
_MAX_SHOWN = 5  # values in a message


@dataclass(frozen=True, eq=False)
class EncodedLabels:
    """Labels as class numbers.

    Attributes:
        codes: int64 (N,), 0..K-1.
        class_names: K names.
        notes: sentences for the user.
    """

    codes: np.ndarray
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def encode_labels(
    values: Any, names: ClassNames | None = None, what: str = "The labels"
) -> EncodedLabels:
    """Encode labels as class numbers.

    Numbers 0..K-1 stay as they are; others (1..K, or with gaps) are renumbered in ascending order,
    with a note, and become class names. Text is sorted. With `names`, a number means the class of
    that number, and text must be one of the names.

    Args:
        values: integers, whole floats, bools or text, (N,) or (N, 1), or one-hot (N, K).
        names: the classes' names, or None to use the labels that occur.
        what: what to call the labels at the beginning of a message.

    Raises:
        DataError: when they are none of this, some are missing, or they do not fit the names.

    Example:
        >>> encoded = encode_labels(["dog", "cat", "dog"])
        >>> encoded.codes.tolist(), encoded.class_names
        ([1, 0, 1], ('cat', 'dog'))
    """
    array = to_label_array(values, what)
    if array.ndim == 2 and array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if is_one_hot(array):
        names = names or ClassNames.listed(range(array.shape[1]))
        if len(names.names) != array.shape[1]:
            raise DataError(
                f"{what} should have one column for each of the {len(names.names)} classes, but "
                f"are one-hot with {array.shape[1]} columns."
            )
        return EncodedLabels(array.argmax(axis=1).astype(np.int64), names.names)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{what} should be one class per image, (N,) or one-hot (N, K) with a single 1 in each "
            f"row, but are {describe(array)}."
        )
    if not array.size:
        raise DataError(f"{what} should be at least one, but there is none.")
    array = normalize_labels(array, what)
    if names is None:
        encoded = _encode_without_names(array, what)
    else:
        encoded = _encode_with_names(array, names, what)
    if len(encoded.class_names) == 1:
        raise DataError(
            f"{what} should have at least two classes, but all are '{encoded.class_names[0]}'."
        )
    return encoded


def _encode_without_names(array: np.ndarray, what: str) -> EncodedLabels:
    distinct, codes = np.unique(array, return_inverse=True)
    class_names = tuple(str(value) for value in distinct.tolist())
    if len(class_names) == len(codes) >= _MIN_ALL_DIFFERENT:
        raise DataError(
            f"{what} should be classes of several images each, but all {len(codes):,} differ: "
            "are they the labels?"
        )
    notes: tuple[str, ...] = ()
    is_counted = class_names == tuple(str(code) for code in range(len(class_names)))
    if array.dtype.kind == "U":
        notes = _case_notes(class_names)
    elif array.dtype.kind != "b" and not is_counted:
        notes = (
            f"{what} are the {len(class_names)} numbers {list_some(class_names, _MAX_SHOWN)}, "
            f"which do not run from 0 to {len(class_names) - 1}: they are renumbered, and the old "
            "numbers become the class names.",
        )
    return EncodedLabels(codes.astype(np.int64), class_names, notes)


def _encode_with_names(array: np.ndarray, names: ClassNames, what: str) -> EncodedLabels:
    distinct, ranks = np.unique(array, return_inverse=True)
    texts = [str(value) for value in distinct.tolist()]
    # If all names are numbers themselves, 3 means the class called "3", whatever its index.
    is_text = array.dtype.kind == "U" or (
        set(texts) <= set(names.names) and all(is_integer(name) for name in names.names)
    )
    values: list[Any] = texts if is_text else distinct.astype(np.int64).tolist()
    code_of = {key: code for code, key in enumerate(names.names if is_text else names.numbers)}
    notes: tuple[str, ...] = ()
    counts_from_1 = not is_text and (min(values), max(values)) == (1, len(names.names))
    if counts_from_1 and names.is_counted:
        code_of = {code + 1: code for code in range(len(names.names))}
        notes = (f"{what} count from 1: 1 means '{names.names[0]}'.",)
    unknown = [value for value in values if value not in code_of]
    if unknown:
        found = f"{list_some(unknown, _MAX_SHOWN)} {'is' if len(unknown) == 1 else 'are'}"
        if is_text:
            raise DataError(
                f"{what} should all be among the {len(names.names)} given class names, but "
                f"{found} not.{did_you_mean(unknown[0], names.names)}"
            )
        raise DataError(
            f"{what} should be numbers of the {len(names.names)} classes that have names "
            f"({names.numbers[0]} to {names.numbers[-1]}), but {found} among them."
        )
    codes = np.array([code_of[value] for value in values], dtype=np.int64)
    return EncodedLabels(codes[ranks], names.names, notes)


def _case_notes(class_names: Sequence[str]) -> tuple[str, ...]:
    counts = Counter(name.casefold() for name in class_names)
    alike = [name for name in class_names if counts[name.casefold()] > 1 and len(name) > 1]
    if not alike:
        return ()
    return (
        f"The classes {list_some(alike, _MAX_SHOWN)} differ only in upper and lower case: if they "
        "mean the same, give them one name.",
    )
