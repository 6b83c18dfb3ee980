"""Checks of arrays of images and labels.

The functions return mistakes as sentences instead of raising, so that all are reported together.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from clearsight.data.preparation.pixel_range import (
    check_finite,
    choose_pixel_range,
    find_extremes,
)
from clearsight.errors import DataError, describe_found


def to_array(values: Any, name: str) -> np.ndarray:
    """Return values as an array.

    Raises:
        DataError: when they are no array and no list, or differ in shape.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{name} should form one array, but differ in shape: resize them first, e.g. with "
            "clearsight.read_images(paths, size=(64, 64))."
        ) from error
    if not array.ndim:
        is_file = isinstance(values, str | os.PathLike)
        hint = ": read image files with clearsight.read_images" if is_file else ""
        raise DataError(f"{name} should be an array, but is {describe_found(values)}{hint}.")
    return array


def texts(values: Any, name: str) -> tuple[str, ...]:
    """Return a list of texts, or of what becomes text, as a tuple.

    Raises:
        DataError: when they are no list.
    """
    is_list = isinstance(values, tuple | list) or getattr(values, "ndim", 0) == 1
    if not is_list:
        raise DataError(f"{name} should be a list of text, but is {describe_found(values)}.")
    return tuple(map(str, values))


def check_indices(indices: Any, length: int) -> np.ndarray | slice:
    """Return indices of rows, integers (M,), or a slice.

    Raises:
        DataError: when they are something else, or outside of `length` rows.
    """
    if isinstance(indices, slice):
        return indices
    found = to_array(indices, "indices")
    is_index = found.dtype.kind in "iu" and found.ndim == 1
    if is_index and not (found.size and (found.min() < -length or found.max() >= length)):
        return found
    raise DataError(
        f"indices should be a slice or integers (M,) between 0 and {length - 1}, but are "
        f"{describe_found(indices)}."
    )


def describe(array: np.ndarray) -> str:
    """Return an array's dtype and shape for messages, e.g. ``uint8 (60000, 28, 28)``."""
    return f"{array.dtype} {tuple(array.shape)}"


def channel_axis_mistakes(shape: tuple[int, ...], name: str = "images") -> list[str]:
    """Return what is wrong with the shape of images: it should be (N, H, W, C), C 1, 3 or 4."""
    if len(shape) != 4:
        fix = ""
        if len(shape) == 3 and shape[-1] in (1, 3, 4):
            fix = f": this looks like one image, add the batch axis with {name}[None]"
        elif len(shape) == 3:
            fix = f": this looks like images without a channel axis, add it with {name}[..., None]"
        return [
            f"{name} should have four axes (number, height, width, channels), but have shape "
            f"{tuple(shape)}{fix}."
        ]
    if shape[-1] not in (1, 3, 4):
        is_channels_first = shape[1] in (1, 3, 4)
        fix = f"; they look channels-first, move the axis with np.moveaxis({name}, 1, -1)"
        return [
            f"{name} should have 1, 3 or 4 channels in the last axis, but have shape "
            f"{tuple(shape)}{fix if is_channels_first else ''}."
        ]
    return []


def pixel_type_mistakes(images: np.ndarray) -> list[str]:
    """Return what is wrong with the dtype of `images`: it should be uint8, 0..255."""
    if images.dtype == np.uint8:
        return []
    found = f"images should be uint8 from 0 to 255, but are {images.dtype}"
    if images.dtype == bool:
        return [f"{found}: convert them with images.astype('uint8') * 255."]
    if images.dtype.kind not in "iuf" or not images.size:
        return [f"{found}."]
    try:
        check_finite(images, "images")
    except DataError as error:
        return [f"{found}. {error}"]
    (low, high), _ = choose_pixel_range(find_extremes(images.reshape(1, -1)), images.size)
    return [
        f"{found}: give the arrays to clearsight.train as they are, or convert {low:g} to {high:g} "
        f"with np.rint((images - {low:g}) * {255 / (high - low):g}).astype('uint8')."
    ]


def integer_label_mistakes(labels: np.ndarray, num_images: int, num_classes: int) -> list[str]:
    """Return what is wrong with `labels`: they should be integers (num_images,), 0..K-1.

    `num_classes` is K, or 0 if it is unknown.
    """
    if is_one_hot(labels):
        return [
            f"labels should be one integer per image, but are one-hot with shape "
            f"{tuple(labels.shape)}: use labels.argmax(axis=1)."
        ]
    if labels.ndim != 1:
        fix = ": use labels[:, 0]" if labels.ndim == 2 and labels.shape[1] == 1 else ""
        return [
            f"labels should have shape ({num_images},), but have shape {tuple(labels.shape)}{fix}."
        ]
    mistakes = []
    if len(labels) != num_images:
        mistakes.append(
            f"There should be one label per image, but there are {num_images:,} images and "
            f"{len(labels):,} labels."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        mistakes.append(
            f"labels should be integers, but are {labels.dtype}: number the classes from 0, e.g. "
            "with class_names, labels = np.unique(labels, return_inverse=True)."
        )
        return mistakes
    return mistakes + label_range_mistakes(labels, num_classes)


def label_range_mistakes(
    labels: np.ndarray, num_classes: int, fix: str = "check the class list", name: str = "labels"
) -> list[str]:
    """Return what is wrong with integer labels outside 0..num_classes - 1.

    Args:
        labels: integers of any shape.
        num_classes: 0 if it is unknown.
        fix: what to do about labels outside.
        name: what messages call the labels.
    """
    if not labels.size:
        return []
    low, high = int(labels.min()), int(labels.max())
    if num_classes and (low < 0 or high >= num_classes):
        if low == 1 and high == num_classes:
            fix = f"they count from 1, use {name} - 1"
        return [
            f"{name} should lie between 0 and {num_classes - 1} for {num_classes} classes, but "
            f"run from {low} to {high}: {fix}."
        ]
    if low < 0:
        return [f"{name} should not be negative, but the smallest is {low}."]
    return []


def column_mistakes(columns: Mapping[str, Any], num_images: int) -> list[str]:
    """Return what is wrong with what is known of each image, by name: N texts, or integers (N, 2).

    A column that is None is not given.
    """
    mistakes = []
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            if column.dtype.kind not in "iu" or column.shape != (num_images, 2):
                mistakes.append(
                    f"{name} should be integers ({num_images}, 2), the height and width of each "
                    f"image, but are {describe(column)}."
                )
        elif column is not None and len(column) != num_images:
            mistakes.append(
                f"{name} should have one entry per image, but there are {num_images:,} images and "
                f"{len(column):,} entries."
            )
    return mistakes


def is_one_hot(labels: np.ndarray) -> bool:
    """Return whether `labels` are rows (N, K), K >= 2, that each hold a single 1 among zeros."""
    if labels.ndim != 2 or labels.shape[1] < 2 or not np.issubdtype(labels.dtype, np.number):
        return False
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())
