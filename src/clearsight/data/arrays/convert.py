"""Converting arrays of images of any usual type and shape to uint8 (N, H, W, C)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import describe, to_array
from clearsight.data.preparation.pixel_range import (
    Converted,
    PixelRange,
    check_finite,
    choose_pixel_range,
    count_flat,
    find_extremes,
)
from clearsight.errors import DataError

_CHANNELS = (1, 3, 4)
_BLOCK_BYTES = 64_000_000  # of images that are checked or converted at once


@dataclass(frozen=True, eq=False)
class Conversion:
    """Arrays of images, converted to 8 bits.

    Attributes:
        images: uint8 (N, H, W, C) each.
        pixel_range: the values that became 0 and 255; None if all arrays had 8 bits.
        notes: sentences for the user.
    """

    images: list[np.ndarray]
    pixel_range: PixelRange | None
    notes: list[str]


def to_uint8_images(
    arrays: Sequence[tuple[str, np.ndarray]], given: PixelRange | None = None
) -> Conversion:
    """Convert arrays of images to 8 bits, all with the same range of values.

    Images that are uint8 already are not copied, nor read if they are mapped from disk; False and
    True become 0 and 255.

    Args:
        arrays: numbers (N, H, W, C), each with its name for messages.
        given: the range; None to choose it from all values.

    Raises:
        DataError: when values are NaN or infinite, or no range suits all images.
    """
    images = [array * np.uint8(255) if array.dtype == bool else array for _, array in arrays]
    deep = [index for index, array in enumerate(images) if array.dtype != np.uint8]
    if not deep:
        return Conversion(images, None, [])
    extremes = np.concatenate([_extremes(images[index], arrays[index][0]) for index in deep])
    pixel_range, reason = given, ""
    if pixel_range is None:
        num_values = sum(images[index].size for index in deep)
        pixel_range, reason = choose_pixel_range(extremes, num_values)
    num_outside = []
    for index in deep:
        array = images[index]
        images[index] = np.empty(array.shape, dtype=np.uint8)
        for block in _blocks(array):
            images[index][block] = pixel_range.to_uint8(array[block])
            num_outside += map(pixel_range.count_outside, array[block])
    converted = Converted(
        num_images=sum(map(len, images)),
        num_deep=len(extremes),
        num_outside=sum(num_outside),
        num_outside_images=int(np.count_nonzero(num_outside)),
        num_flat=count_flat(extremes, pixel_range),
    )
    return Conversion(images, pixel_range, converted.notes(pixel_range, reason))


def _extremes(images: np.ndarray, name: str) -> np.ndarray:
    extremes = []
    for block in _blocks(images):
        check_finite(images[block], name)
        extremes.append(find_extremes(images[block]))
    return np.concatenate(extremes)


def _blocks(array: np.ndarray) -> list[slice]:
    row_bytes = max(array[:1].size * 8, 1)
    step = max(_BLOCK_BYTES // row_bytes, 1)
    return [slice(begin, begin + step) for begin in range(0, len(array), step)]


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


def to_four_axes(values: Any, name: str) -> tuple[np.ndarray, list[str]]:
    """Return a view (N, H, W, C) of images, and sentences about what was changed.

    Args:
        values: numbers (N, H, W), (N, H, W, C), (N, C, H, W), or (N, D) if D is a square number.
        name: what messages call them.

    Raises:
        DataError: when they are not numbers or have another shape.
    """
    array = to_array(values, name)
    if array.dtype.kind not in "buif":
        raise DataError(
            f"{name} should be numbers, but is {describe(array)}: save the pixels as uint8."
        )
    shape = array.shape
    if 0 in shape or not shape:
        raise DataError(f"{name} should hold at least one image, but is {describe(array)}.")
    view = channels_last(array)
    if view is not None:
        is_moved = array.ndim == 4 and view.shape != shape
        moved = "The images had their channels first; they were moved to the last axis."
        may_be_colours = array.ndim == 3 and shape[2] in (3, 4) and shape[1] > 2 * shape[2]
        grey = (
            f"The images were read as grey, {shape[1]}x{shape[2]}; if the last axis holds colours, "
            "give them four axes (N, H, W, C)."
        )
        return view, [moved] if is_moved else [grey] if may_be_colours else []
    side = math.isqrt(shape[1]) if array.ndim == 2 else 0
    if side > 1 and side * side == shape[1]:
        note = f"The rows of {shape[1]:,} values were read as grey images {side}x{side}."
        return array.reshape(len(array), side, side, 1), [note]
    raise DataError(
        f"{name} should be images (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 "
        f"channels, but is {describe(array)}."
    )
