"""Labels in any form as an array of integers, bools or text."""

import sys
from typing import Any

import numpy as np

from clearsight.errors import DataError

_LONGEST_NAME = 1_000  # characters
_SCALARS = (int, float, bool, bytes, np.integer, np.floating, np.bool_)


def to_label_array(values: Any, what: str = "The labels") -> np.ndarray:
    """Return labels, which may be a list, as an array.

    Raises:
        DataError: when they differ in shape, or hold texts too long for class names.
    """
    # NumPy reserves for every text of an array the memory of the longest.
    if isinstance(values, (list, tuple)):
        longest = max((len(value) for value in values if isinstance(value, str)), default=0)
        if longest > _LONGEST_NAME:
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


def normalize_labels(array: np.ndarray, what: str) -> np.ndarray:
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


def is_integer(text: str) -> bool:
    """Return whether text is an integer as `str` writes it: "7", but not "007"."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 19 and str(int(text)) == text


def _check_missing(is_missing: np.ndarray, what: str, are: str) -> None:
    if is_missing.any():
        raise DataError(
            f"{what} should give a class for every image, but {is_missing.sum():,} of "
            f"{len(is_missing):,} are {are}."
        )


def _check_characters(array: np.ndarray, what: str) -> None:
    """Refuse text with invalid characters: NumPy accepts any 32 bits of a file.

    Surrogates, 0xd800 to 0xdfff, are invalid by themselves, and could not be written anywhere.
    """
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    codes = native.view(np.uint32)
    if codes.max(initial=0) > sys.maxunicode or ((codes >= 0xD800) & (codes <= 0xDFFF)).any():
        raise DataError(f"{what} should be text, but have invalid characters: the file is damaged.")


def _from_objects(array: np.ndarray, what: str) -> np.ndarray:
    values = array.tolist()
    is_missing = [value is None or value != value for value in values]  # noqa: PLR0124 - NaN
    _check_missing(np.array(is_missing), what, "missing")
    types = {str if isinstance(value, str) else type(value) for value in values}
    if types == {str}:
        return np.array(values, dtype=str)
    if len(types) == 1 and issubclass(next(iter(types)), _SCALARS):
        return np.array(values)
    if types <= {int, float} or all(issubclass(one, np.number) for one in types):
        return np.array(values, dtype=np.float64)
    found = ", ".join(sorted(one.__name__ for one in types))
    raise DataError(f"{what} should all be numbers or all be text, but are {found}.")


def _from_text(array: np.ndarray, what: str) -> np.ndarray:
    _check_missing(array == "", what, "empty")
    distinct = np.unique(array).tolist()
    # "007" and "7" are different names, so only text that `str` writes for a number is a number.
    if all(is_integer(value) for value in distinct):
        return array.astype(np.int64)
    if all(is_integer(value) or _is_whole_float(value) for value in distinct):
        return array.astype(np.float64).astype(np.int64)
    return array


def _is_whole_float(text: str) -> bool:
    whole, point, zeros = text.partition(".")
    return bool(point) and bool(zeros) and not zeros.strip("0") and is_integer(whole)


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
