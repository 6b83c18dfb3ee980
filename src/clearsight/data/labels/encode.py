"""Labels of any form, turned into numbers from 0 and class names."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import describe, is_one_hot
from clearsight.data.labels.class_names import ClassNames
from clearsight.errors import DataError, did_you_mean

# So many images of which each has a label of its own are numbered or named, not labelled.
_FEWEST_ALL_DIFFERENT = 20
_LONGEST_NAME = 1_000  # characters
_MOST_SHOWN = 5  # values that a message names


@dataclass(frozen=True, eq=False)
class EncodedLabels:
    """Labels as the rest of clearsight takes them.

    Attributes:
        codes: int64 (N,), 0..K-1.
        class_names: K names.
        notes: sentences that the user should read.
    """

    codes: np.ndarray
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def encode_labels(
    values: Any, names: ClassNames | None = None, what: str = "The labels"
) -> EncodedLabels:
    """Turn labels into codes and class names.

    Numbers are ranked: 0..K-1 stay as they are, others (1..K, or with gaps) become their rank and
    keep their text as the class's name, which is noted. With `names`, numbers mean the class of
    that number, and text must be one of the names. Text is sorted.

    Args:
        values: integers, whole floats, bools or text, (N,) or (N, 1), or one-hot (N, K).
        names: what the classes are called, or None to take what occurs.
        what: what to call the labels in messages, at the beginning of a sentence.

    Raises:
        DataError: when they are none of this, some are missing, or they do not fit the names.

    Example:
        >>> coded = encode_labels(["dog", "cat", "dog"])
        >>> coded.codes.tolist(), coded.class_names
        ([1, 0, 1], ('cat', 'dog'))
    """
    array = to_label_array(values, what)
    if array.ndim == 2 and array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if is_one_hot(array):
        listed = names or ClassNames.listed([str(place) for place in range(array.shape[1])])
        if len(listed.names) != array.shape[1]:
            raise DataError(
                f"{what} should have one column for each of the {len(listed.names)} classes, but "
                f"are one-hot with {array.shape[1]} columns."
            )
        return EncodedLabels(array.argmax(axis=1).astype(np.int64), listed.names)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{what} should be one class an image, (N,) or one-hot (N, K) with a single 1 in each "
            f"row, but are {describe(array)}."
        )
    if not array.size:
        raise DataError(f"{what} should be at least one, but there is none.")
    array = _plain(array, what)
    if array.dtype.kind == "U":
        coded = _code_text(array, names, what)
    else:
        coded = _code_numbers(array, names, what)
    _check_number_of_classes(coded, names, what)
    return coded


def to_label_array(values: Any, what: str = "The labels") -> np.ndarray:
    """Make an array of labels that may be a list.

    Raises:
        DataError: when they differ in shape, or hold texts as long as no class is named.
    """
    # NumPy gives every text of an array the room that the longest takes.
    if isinstance(values, (list, tuple)):
        longest = max((len(value) for value in values if isinstance(value, str)), default=0)
        if longest > _LONGEST_NAME:
            raise DataError(
                f"{what} should be names of classes, but one has {longest:,} characters: are they "
                "the labels?"
            )
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{what} should be one class an image, but differ in shape from image to image."
        ) from error


def _plain(array: np.ndarray, what: str) -> np.ndarray:
    """Return labels (N,) as int64, bool or text, whatever they came as."""
    if array.dtype.kind == "O":
        array = _from_objects(array, what)
    if array.dtype.kind == "S":
        array = np.array([value.decode("utf-8", "replace") for value in array.tolist()])
    if array.dtype.kind == "U":
        _check_characters(array, what)
        return _from_text(np.char.strip(array), what)
    if array.dtype.kind == "f":
        return _from_floats(array, what)
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{what} should be class numbers, but go up to {array.max()}.")
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "b":
        return array
    raise DataError(f"{what} should be integers, text or one-hot, but are {array.dtype}.")


def _check_characters(array: np.ndarray, what: str) -> None:
    """Refuse text that is none: NumPy takes any 32 bits of a file for a character.

    Halves of a pair, 0xd800 to 0xdfff, are none by themselves, and could not be written anywhere.
    """
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    codes = native.view(np.uint32)
    if codes.max(initial=0) > sys.maxunicode or ((codes >= 0xD800) & (codes <= 0xDFFF)).any():
        raise DataError(
            f"{what} should be text, but hold what is no character: the file is damaged."
        )


def _from_objects(array: np.ndarray, what: str) -> np.ndarray:
    values = array.tolist()
    missing = sum(value is None or value != value for value in values)  # noqa: PLR0124 - NaN
    if missing:
        raise DataError(
            f"{what} should name a class for every image, but {missing:,} of {len(values):,} are "
            "missing."
        )
    kinds = {str if isinstance(value, str) else type(value) for value in values}
    if kinds == {str}:
        return np.array(values, dtype=str)
    plain = (int, float, bool, bytes, np.integer, np.floating, np.bool_)
    if len(kinds) == 1 and issubclass(next(iter(kinds)), plain):
        return np.array(values)
    if kinds <= {int, float} or all(issubclass(kind, np.number) for kind in kinds):
        return np.array(values, dtype=np.float64)
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(f"{what} should all be numbers or all be text, but are {found}.")


def _from_text(array: np.ndarray, what: str) -> np.ndarray:
    missing = int((array == "").sum())
    if missing:
        raise DataError(
            f"{what} should name a class for every image, but {missing:,} of {len(array):,} are "
            "empty."
        )
    distinct = np.unique(array).tolist()
    # "007" and "7" are not the same name, so only text that numbers are written as is a number.
    if all(_is_integer(value) for value in distinct):
        return array.astype(np.int64)
    if all(_is_integer(value) or _is_whole_float(value) for value in distinct):
        return array.astype(np.float64).astype(np.int64)
    return array


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 19 and str(int(text)) == text


def _is_whole_float(text: str) -> bool:
    whole, point, zeros = text.partition(".")
    return bool(point) and bool(zeros) and not zeros.strip("0") and _is_integer(whole)


def _from_floats(array: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(array).all():
        missing = int((~np.isfinite(array)).sum())
        raise DataError(
            f"{what} should name a class for every image, but {missing:,} of {len(array):,} are "
            "NaN or infinite."
        )
    if (array != np.rint(array)).any() or np.abs(array).max(initial=0) >= 2**53:
        example = array[array != np.rint(array)][:1].tolist() or [float(np.abs(array).max())]
        raise DataError(
            f"{what} should be classes, but are measurements such as {example[0]:g}: clearsight "
            "trains classifiers, no regressions."
        )
    return array.astype(np.int64)


def _code_text(array: np.ndarray, names: ClassNames | None, what: str) -> EncodedLabels:
    distinct, ranks = np.unique(array, return_inverse=True)
    if names is None:
        class_names = tuple(distinct.tolist())
        return EncodedLabels(ranks.astype(np.int64), class_names, _case_notes(class_names))
    place_of = {name: place for place, name in enumerate(names.names)}
    unknown = [name for name in distinct.tolist() if name not in place_of]
    if unknown:
        raise DataError(
            f"{what} should all be among the {len(names.names)} class names given, but "
            f"{_shown(unknown)} {'is' if len(unknown) == 1 else 'are'} not."
            f"{did_you_mean(unknown[0], names.names)}"
        )
    places = np.array([place_of[name] for name in distinct.tolist()], dtype=np.int64)
    return EncodedLabels(places[ranks], names.names)


def _code_numbers(array: np.ndarray, names: ClassNames | None, what: str) -> EncodedLabels:
    distinct, ranks = np.unique(array, return_inverse=True)
    texts = [str(value) for value in distinct.tolist()]
    if names is None:
        is_plain = array.dtype.kind == "b" or texts == [str(rank) for rank in range(len(texts))]
        notes = () if is_plain else (_ranked(texts, what),)
        return EncodedLabels(ranks.astype(np.int64), tuple(texts), notes)
    if set(texts) <= set(names.names) and all(_is_integer(name) for name in names.names):
        # The names are numbers themselves: 3 then means the class called "3", wherever it stands.
        return _code_text(np.array(texts)[ranks], names, what)
    numbers = distinct.astype(np.int64).tolist()
    notes: tuple[str, ...] = ()
    place_of = {number: place for place, number in enumerate(names.numbers)}
    if names.is_counted and min(numbers) == 1 and max(numbers) == len(names.names):
        place_of = {place + 1: place for place in range(len(names.names))}
        notes = (f"{what} count from 1: 1 means '{names.names[0]}'.",)
    unknown = [number for number in numbers if number not in place_of]
    if unknown:
        raise DataError(
            f"{what} should be numbers of the {len(names.names)} classes that have names "
            f"({names.numbers[0]} to {names.numbers[-1]}), but {_shown(unknown)} "
            f"{'is' if len(unknown) == 1 else 'are'} among them."
        )
    places = np.array([place_of[number] for number in numbers], dtype=np.int64)
    return EncodedLabels(places[ranks], names.names, notes)


def _ranked(texts: Sequence[str], what: str) -> str:
    return (
        f"{what} are the {len(texts)} numbers {_shown(texts)}, which do not run from 0 to "
        f"{len(texts) - 1}: they are numbered anew, and keep their number as the class's name."
    )


def _case_notes(class_names: Sequence[str]) -> tuple[str, ...]:
    counts = Counter(name.casefold() for name in class_names)
    alike = [name for name in class_names if counts[name.casefold()] > 1 and len(name) > 1]
    if not alike:
        return ()
    return (
        f"The classes {_shown(alike)} differ only in upper and lower case: if they mean the same, "
        "give them one name.",
    )


def _check_number_of_classes(coded: EncodedLabels, names: ClassNames | None, what: str) -> None:
    num_labels, num_classes = len(coded.codes), len(coded.class_names)
    if num_classes < 2:
        raise DataError(
            f"{what} should name at least two classes, but all are '{coded.class_names[0]}'."
        )
    if names is None and num_labels >= _FEWEST_ALL_DIFFERENT and num_classes == num_labels:
        raise DataError(
            f"{what} should name classes of several images each, but all {num_labels:,} differ: "
            "are they the labels?"
        )


def _shown(values: Sequence[object]) -> str:
    shown = ", ".join(f"'{value}'" for value in values[:_MOST_SHOWN])
    return shown if len(values) <= _MOST_SHOWN else f"{shown} and {len(values) - _MOST_SHOWN} more"
