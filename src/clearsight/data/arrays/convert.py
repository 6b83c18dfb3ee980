"""Converting arrays of images of any usual type and shape to uint8 (N, H, W, C)."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import describe, to_array
from clearsight.errors import DataError

TIMES_255_NOTE = "The images were floats from 0 to 1; they were multiplied by 255."
_CHANNELS = (1, 3, 4)
_BLOCK_BYTES = 64_000_000  # of images that are checked or converted at once


def to_uint8_images(arrays: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Convert the images of a source's parts to uint8, all with the same scale.

    Images that are uint8 already are not copied, nor read if they are mapped from disk.

    Args:
        arrays: by the name for messages, images as uint8 or other numbers 0..255, floats 0..1,
            uint16 0..65535 or bools: (N, H, W), (N, H, W, C), (N, C, H, W), or (N, D) if D is a
            square number.

    Returns:
        uint8 (N, H, W, C) by name, and sentences about what was changed.

    Raises:
        DataError: when they hold NaN, objects or values out of range, or have another shape.
    """
    notes: list[str] = []
    shaped: dict[str, np.ndarray] = {}
    for name, values in arrays.items():
        array = to_array(values, name)
        if array.dtype.kind not in "buif":
            raise DataError(
                f"{name} should be numbers, but is {describe(array)}: save the pixels as uint8."
            )
        shaped[name] = _to_four_axes(array, name, notes)
    if all(array.dtype == np.uint8 for array in shaped.values()):
        return shaped, notes
    highest = max(_check_values(array, name) for name, array in shaped.items())
    converted = {}
    for name, array in shaped.items():
        convert, note = _conversion(array, name, highest)
        if note and note not in notes:
            notes.append(note)
        converted[name] = array
        if convert:
            converted[name] = np.empty(array.shape, dtype=np.uint8)
            for block in _blocks(array):
                converted[name][block] = convert(array[block])
    return converted, notes


def channels_last(images: np.ndarray) -> np.ndarray | None:
    """Return a view (N, H, W, C) of images (N, H, W), (N, H, W, C) or (N, C, H, W), C 1, 3 or 4.

    Images of any other shape give None.
    """
    if images.ndim == 3:
        return images[..., None]
    if images.ndim == 4 and images.shape[-1] in _CHANNELS:
        return images
    if images.ndim == 4 and images.shape[1] in _CHANNELS:
        return np.moveaxis(images, 1, -1)
    return None


def _to_four_axes(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Return a view of images with four axes (N, H, W, C)."""
    shape = array.shape
    if 0 in shape or not shape:
        raise DataError(f"{name} should hold at least one image, but is {describe(array)}.")
    view = channels_last(array)
    if view is not None:
        if array.ndim == 4 and view.shape != shape:
            notes.append("The images had their channels first; they were moved to the last axis.")
        return view
    side = math.isqrt(shape[1]) if array.ndim == 2 else 0
    if side > 1 and side * side == shape[1]:
        notes.append(f"The rows of {shape[1]:,} values were read as grey images {side}x{side}.")
        return array.reshape(len(array), side, side, 1)
    raise DataError(
        f"{name} should be images (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 "
        f"channels, but is {describe(array)}."
    )


def _blocks(array: np.ndarray) -> list[slice]:
    row_bytes = max(array[:1].size * 8, 1)
    step = max(_BLOCK_BYTES // row_bytes, 1)
    return [slice(begin, begin + step) for begin in range(0, len(array), step)]


def _check_values(array: np.ndarray, name: str) -> float:
    """Return the highest value.

    Raises:
        DataError: for NaN, infinity and negative values.
    """
    if array.dtype.kind == "b":
        return 1.0
    low, high = math.inf, -math.inf
    for block in _blocks(array):
        values = array[block]
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        if not (math.isfinite(low) and math.isfinite(high)):
            bad = int((~np.isfinite(values)).sum()) or "some"
            raise DataError(
                f"{name} should be finite numbers, but {bad} of its values are NaN or infinite."
            )
    if low < 0:
        raise DataError(
            f"{name} should run from 0 to 255 or from 0 to 1, but runs from {low:g} to {high:g}: "
            "undo its scaling first."
        )
    return high


Conversion = Callable[[np.ndarray], np.ndarray]


def _conversion(array: np.ndarray, name: str, highest: float) -> tuple[Conversion | None, str]:
    """Return the function that converts blocks to uint8, None if they are, and a note about it."""
    if array.dtype == np.uint8:
        return None, ""
    if array.dtype.kind == "b":
        return (lambda block: block * np.uint8(255)), "False and True were read as 0 and 255."
    if array.dtype.kind == "f" and highest <= 1:
        return times_255, TIMES_255_NOTE
    if highest <= 255:
        if array.dtype.kind == "f":
            _check_whole(array, name)
        note = f"The images were {array.dtype} from 0 to 255; they were stored as uint8."
        return (lambda block: block.astype(np.uint8)), note
    if array.dtype == np.uint16:
        note = "The images had 16 bits; they were divided by 257 to have 8."
        return (lambda block: np.rint(block / np.float32(257)).astype(np.uint8)), note
    raise DataError(
        f"{name} should run from 0 to 255 or from 0 to 1, but runs up to {highest:g}: scale "
        "the pixels to 0..255 first."
    )


def times_255(block: np.ndarray) -> np.ndarray:
    """Convert floats from 0 to 1 to uint8."""
    return np.rint(block.astype(np.float32) * 255).astype(np.uint8)


def _check_whole(array: np.ndarray, name: str) -> None:
    for block in _blocks(array):
        values = array[block]
        fractions = values[values != np.rint(values)]
        if fractions.size:
            raise DataError(
                f"{name} should be whole numbers from 0 to 255 or lie between 0 and 1, but has "
                f"values such as {float(fractions[0]):g} and goes beyond 1: scale it to either."
            )
