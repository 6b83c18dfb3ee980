"""`read_images`: image files as an array, read as they are for prediction."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.preparation.pixel_range import parse_pixel_range
from clearsight.data.preparation.preparation import MAX_SIDE, Preparation
from clearsight.errors import DataError, RequestError, describe_found
from clearsight.io.argument_checks import check_path
from clearsight.option_names import option

_log = logging.getLogger(__name__)


def read_images(
    paths: Iterable[str | Path],
    size: tuple[int, int],
    channels: int = 3,
    pixel_range: tuple[float, float] | None = None,
) -> np.ndarray:
    """Read image files for training exactly as prediction will read them.

    Args:
        paths: image files of any size and mode.
        size: height and width to resize each to; its proportions are kept.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).
        pixel_range: the values of deep images that become 0 and 255, by default the full range of
            their type; pass the same one to `clearsight.train`.

    Returns:
        uint8 (N, height, width, channels), 0..255.

    Raises:
        DataError: when files cannot be read (the message lists them all) or there are none.
        RequestError: when an argument is something else.

    Example:
        >>> read_images(["no such file.png"], size=(64, 64))
        Traceback (most recent call last):
        ...
        clearsight.errors.DataError: no such file.png should be an image file ...
    """
    preparation = _reading(size, channels, pixel_range)
    if isinstance(paths, str | bytes | os.PathLike) or not _is_iterable(paths):
        raise RequestError(
            f"{option('paths')} should be a list of paths, but is {describe_found(paths)}."
        )
    images, problems = [], []
    for path in paths:
        try:
            file = check_path(path, "Each of the paths", "text or a pathlib.Path")
            images.append(preparation.read(file))
        except DataError as error:
            problems.append(str(error))
    if problems or not images:
        raise DataError(" ".join(problems) or "There should be at least one image to read.")
    for warning in (warning for image in images for warning in image.warnings):
        _log.warning("%s", warning)
    return np.stack([image.pixels for image in images])


def _reading(size: Any, channels: Any, pixel_range: Any) -> Preparation:
    """Return the preparation with which `read_images` reads files.

    Raises:
        RequestError: when an argument is something else.
    """
    sides = tuple(size) if isinstance(size, list | tuple) else ()
    if len(sides) != 2 or not all(map(_is_side, sides)):
        raise RequestError(
            f"{option('size')} should be height and width in pixels, such as (64, 64), but is "
            f"{describe_found(size)}."
        )
    if type(channels) is not int or channels not in (1, 3, 4):
        raise RequestError(
            f"{option('channels')} should be 1, 3 or 4, but is {describe_found(channels)}."
        )
    try:
        given = None if pixel_range is None else parse_pixel_range(pixel_range)
    except ValueError as error:
        raise RequestError(
            f"{option('pixel_range')} {error}, but is {describe_found(pixel_range)}."
        ) from error
    return Preparation(*sides, channels, pixel_range=given)


def _is_iterable(value: Any) -> bool:
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def _is_side(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and 0 < value <= MAX_SIDE
