"""Encoding labels of any form as class numbers and class names."""

import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import describe, is_one_hot
from clearsight.data.labels.alike_names import alike_names_note, merged_names_note, one_form
from clearsight.data.labels.class_names import ClassNames
from clearsight.errors import DataError, did_you_mean, list_some

# So many labels or more, if all differ, are names or numbers of images, not classes.
_MIN_ALL_DIFFERENT = 20
_MAX_SHOWN = 5  # values in a message
_MISSING = ("", "nan", "<na>", "#n/a")  # in lower case; "None" and "NA" may be classes
_MAX_NAME_LENGTH = 1_000  # characters
_SCALARS = (int, float, bool, bytes, np.integer, np.floating, np.bool_)


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
        DataError: when labels have another form, are missing, or do not fit the names.

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
    array, merged = _merge_forms(_normalize(array, what, names.names if names else ()))
    if names is None:
        encoded = _encode_without_names(array, what)
    else:
        encoded = _encode_with_names(array, names, what)
    if len(encoded.class_names) == 1:
        raise DataError(
            f"{what} should have at least two classes, but all are '{encoded.class_names[0]}'."
        )
    return replace(encoded, notes=(*merged, *encoded.notes))


def _merge_forms(array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Spell labels, text (N,), that look the same in one way; return a note if any changed."""
    if array.dtype.kind != "U":
        return array, ()
    distinct, ranks = np.unique(array, return_inverse=True)
    forms = [one_form(name) for name in distinct.tolist()]
    written: dict[str, list[str]] = {}
    for form, name in zip(forms, distinct.tolist(), strict=True):
        written.setdefault(form, []).append(name)
    return np.array(forms)[ranks], merged_names_note(written)


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
        notes = alike_names_note(class_names)
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
        set(texts) <= set(names.names) and all(_is_integer(name) for name in names.names)
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


def to_label_array(values: Any, what: str = "The labels") -> np.ndarray:
    """Return labels, which may be a list, as an array.

    Raises:
        DataError: when they differ in shape, or hold texts too long for class names.
    """
    # NumPy reserves the memory of the longest text for every text of an array.
    if isinstance(values, (list, tuple)):
        longest = max((len(value) for value in values if isinstance(value, str)), default=0)
        if longest > _MAX_NAME_LENGTH:
            raise DataError(
                f"{what} should be class names, but one has {longest:,} characters: are they the "
                "labels?"
            )
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{what} should be one class per image, but differ in shape from image to image."
        ) from error


def _normalize(array: np.ndarray, what: str, known: Collection[str]) -> np.ndarray:
    """Return labels (N,) of any type as int64, bool or text; text of integers becomes int64.

    Raises:
        DataError: when some are missing, or they are neither integers nor text.
    """
    if array.dtype.kind == "O":
        array = _from_objects(array, what)
    if array.dtype.kind == "S":
        array = np.array([value.decode("utf-8", "replace") for value in array.tolist()])
    if array.dtype.kind == "U":
        _check_characters(array, what)
        return _from_text(np.char.strip(array), what, known)
    if array.dtype.kind == "f":
        return _from_floats(array, what)
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{what} should be class numbers, but go up to {array.max()}.")
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "b":
        return array
    raise DataError(f"{what} should be integers, text or one-hot, but are {array.dtype}.")


def is_missing(value: Any) -> bool:
    """Return whether a label is missing: None, NaN, blank, or text that programs write for NaN."""
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or value != value  # noqa: PLR0124 - NaN


def _is_integer(text: str) -> bool:
    """Return whether text is an integer as `str` writes it: "7", but not "007"."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 19 and str(int(text)) == text


def _check_missing(is_absent: np.ndarray, what: str, are: str) -> None:
    if is_absent.any():
        raise DataError(
            f"{what} should give a class for every image, but {is_absent.sum():,} of "
            f"{len(is_absent):,} are {are}."
        )


def _check_characters(array: np.ndarray, what: str) -> None:
    """Refuse text with invalid characters, because NumPy reads any 32 bits of a file as one.

    Surrogates, 0xd800 to 0xdfff, are invalid too: they cannot be encoded as UTF-8.
    """
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    codes = native.view(np.uint32)
    if codes.max(initial=0) > sys.maxunicode or ((codes >= 0xD800) & (codes <= 0xDFFF)).any():
        raise DataError(f"{what} should be text, but have invalid characters: the file is damaged.")


def _from_objects(array: np.ndarray, what: str) -> np.ndarray:
    values = array.tolist()
    is_absent = [not isinstance(value, str) and is_missing(value) for value in values]
    _check_missing(np.array(is_absent), what, "missing")
    types = {str if isinstance(value, str) else type(value) for value in values}
    if types == {str}:
        return np.array(values, dtype=str)
    if len(types) == 1 and issubclass(next(iter(types)), _SCALARS):
        return np.array(values)
    if types <= {int, float} or all(issubclass(one, np.number) for one in types):
        return np.array(values, dtype=np.float64)
    found = ", ".join(sorted(one.__name__ for one in types))
    raise DataError(f"{what} should all be numbers or all be text, but are {found}.")


def _from_text(array: np.ndarray, what: str, known: Collection[str]) -> np.ndarray:
    distinct = np.unique(array).tolist()
    absent = [value for value in distinct if is_missing(value) and value not in known]
    _check_missing(
        np.isin(array, absent),
        what,
        " or ".join(f"'{value}'" if value else "empty" for value in absent),
    )
    # "007" and "7" are different names, so only text that `str` writes for a number is a number.
    if all(_is_integer(value) for value in distinct):
        return array.astype(np.int64)
    if all(_is_integer(value) or _is_whole_float(value) for value in distinct):
        return array.astype(np.float64).astype(np.int64)
    return array


def _is_whole_float(text: str) -> bool:
    whole, point, zeros = text.partition(".")
    return bool(point) and bool(zeros) and not zeros.strip("0") and _is_integer(whole)


def _from_floats(array: np.ndarray, what: str) -> np.ndarray:
    _check_missing(~np.isfinite(array), what, "NaN or infinite")
    is_fraction = array != np.rint(array)
    if is_fraction.any() or np.abs(array).max(initial=0) >= 2**53:
        example = array[is_fraction][:1].tolist() or [float(np.abs(array).max())]
        raise DataError(
            f"{what} should be classes, but are measurements such as {example[0]:g}: clearsight "
            "trains classifiers, not regression models."
        )
    return array.astype(np.int64)
