"""`PixelRange`: the values that become 0 to 255 in deep images, one range for a whole data set.

Deep images have more than 8 bits per value: floats, or integers of 16 bits and more. A range of
each image's own would hide from a network which image is brighter. Images with 8 bits keep their
values.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from clearsight.errors import DataError
from clearsight.option_names import option, option_when_read

_MAX_STRAYS = 8  # of an image's values at either end that may be left out of the range
NUM_EXTREMES = 2 * (_MAX_STRAYS + 1)  # values of an image, from `find_extremes`
_MAX_STRAY_FRACTION = 1e-4  # of all values, e.g. hot pixels of a sensor
_LEVELS = 256
_NO_DATA = 1e30  # no measurement is as large
_VALUES_AT_ONCE = 1_000_000  # of a large image, so that what is made of them takes little memory


class PixelRange(NamedTuple):
    """The values that become 0 and 255; those between are scaled linearly and rounded."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    @property
    def is_standard(self) -> bool:
        """Whether it is the full range of a usual type, of which 8-bit files are copies."""
        return self in _STANDARD_RANGES

    def to_uint8(self, values: np.ndarray) -> np.ndarray:
        """Convert numbers of any type and shape to uint8; those outside become 0 or 255."""
        converted = np.empty(values.shape, np.uint8)
        for rows in _blocks(values):
            scaled = (values[rows].astype(np.float64) - self.low) * (255 / (self.high - self.low))
            converted[rows] = np.rint(scaled).clip(0, 255)
        return converted

    def count_outside(self, values: np.ndarray) -> int:
        """Return how many values are below the lowest or above the highest."""
        return sum(
            int(np.count_nonzero((values[rows] < self.low) | (values[rows] > self.high)))
            for rows in _blocks(values)
        )


_STANDARD_RANGES = {
    PixelRange(0, 1): "from 0 to 1",
    PixelRange(-1, 1): "from -1 to 1",
    PixelRange(0, 255): "8 bits",
    PixelRange(0, 4095): "12 bits",
    PixelRange(0, 65_535): "16 bits",
}


def full_range(dtype: np.dtype) -> PixelRange:
    """Return the range of a deep image whose data set is unknown: 0 to 1 for floats, else 16 bits.

    So PNG and PNM define it for 16 bits, and most programs that write floats.
    """
    return PixelRange(0, 1) if dtype.kind == "f" else PixelRange(0, 65_535)


def range_warning(image: np.ndarray, trained: PixelRange | None, name: str) -> str | None:
    """Return a sentence if an image's values are not as those that a network was trained on.

    Args:
        image: uint8 or deep (H, W, C).
        trained: the range of the training images, or None if they had 8 bits.
        name: what the sentence calls the image.
    """
    if image.dtype == np.uint8:
        if trained is None or trained.is_standard:
            return None
        return (
            f"{name} has 8 bits, but the network was trained on values from {trained}: the values "
            "0 to 255 were used as they are."
        )
    used = trained or full_range(image.dtype)
    num_outside = used.count_outside(image)
    problem = ""
    low, high = float(image.min()), float(image.max())
    if num_outside:
        problem = f"{num_outside:,} of its {image.size:,} values are outside and became 0 or 255"
    elif 0 < high - low <= (used.high - used.low) / (_LEVELS - 1):
        problem = f"its own, {low:g} to {high:g}, became a single grey, as if in other units"
    if trained is None:
        return (
            f"{name} has {image.dtype} values, but the network was trained on 8-bit images: "
            f"values from {used} became 0 to 255{f'; {problem}' if problem else ''}."
        )
    if not problem:
        return None
    return f"{name} does not fit the range {trained} of the training images: {problem}."


def check_finite(values: np.ndarray, name: str) -> None:
    """Raise `DataError`, which calls the values `name`, if some are no measurements.

    These are NaN, infinite, or the lowest number of the type, with which maps mark missing data;
    next to it everything else would become a single grey.

    Args:
        values: numbers of any type and shape.
        name: what the message calls them.
    """
    if values.dtype.kind != "f":
        return
    largest = min(_NO_DATA, float(np.finfo(values.dtype).max))
    num_bad = values.size - sum(
        int(np.count_nonzero(np.abs(values[rows]) <= largest)) for rows in _blocks(values)
    )
    if num_bad:
        raise DataError(
            f"{name} should have finite pixel values, but {num_bad:,} of {values.size:,} are NaN "
            f"or infinite, or beyond {_NO_DATA:g}: replace these, or leave the image out."
        )


def find_extremes(images: np.ndarray) -> np.ndarray:
    """Return the lowest and the highest values of each image, in ascending order.

    Args:
        images: finite numbers (N, ...).

    Returns:
        float64 (N, NUM_EXTREMES), half of them the lowest; images of fewer values repeat them.
    """
    values = images.reshape(len(images), -1)
    count = NUM_EXTREMES // 2
    step = max(_VALUES_AT_ONCE // max(len(values), 1), NUM_EXTREMES)
    pieces = [values[:, start : start + step] for start in range(0, values.shape[1], step)]
    values = np.concatenate([_outermost(piece, count) for piece in pieces], axis=1)
    values = np.sort(_outermost(values, count), axis=1).astype(np.float64)
    lowest = np.arange(count).clip(max=values.shape[1] - 1)
    return np.concatenate([values[:, lowest], values[:, -1 - lowest[::-1]]], axis=1)


def _outermost(values: np.ndarray, count: int) -> np.ndarray:
    """Return the lowest and the highest `count` values of each row, or all if there are fewer."""
    if values.shape[1] <= 2 * count:
        return values
    values = np.partition(values, (count, -count), axis=1)
    return np.concatenate([values[:, :count], values[:, -count:]], axis=1)


def _blocks(values: np.ndarray) -> Iterator[slice]:
    """Iterate over some rows at a time of an array."""
    num_rows = max(1, _VALUES_AT_ONCE // max(values[:1].size, 1))
    return (slice(start, start + num_rows) for start in range(0, len(values), num_rows))


def choose_pixel_range(extremes: np.ndarray, num_values: int) -> tuple[PixelRange, str]:
    """Choose the range of a data set's deep images.

    It is the full range of a usual type if the values fill a quarter of that, so that other images
    of the same camera will fit; else it reaches from the lowest to the highest value. Single
    values far from all others are left out if they would take three quarters of it.

    Args:
        extremes: float64 (N, NUM_EXTREMES), of all deep images, from `find_extremes`.
        num_values: the number of all their values.

    Returns:
        The range, and the reason for it in words.

    Raises:
        DataError: when half of the images would become a single grey.
    """
    lows, highs = np.split(extremes, 2, axis=1)
    low, high = float(lows.min()), float(highs.max())
    found = f"the data have values from {low:g} to {high:g}"
    # No more than _MAX_STRAYS values of an image can be left out, because no more are known.
    strays = int(num_values * _MAX_STRAY_FRACTION / 2)
    core_low = min(np.sort(lows, axis=None)[: strays + 1][-1], lows[:, -1].min())
    core_high = max(np.sort(highs, axis=None)[-strays - 1 :][0], highs[:, 0].max())
    if (core_high - core_low) < (high - low) / 4:
        low, high = float(core_low), float(core_high)
        found += f", but nearly all from {low:g} to {high:g}"
    chosen, kind = PixelRange(low, high if high > low else low + 1), ""
    is_whole = bool((extremes == np.rint(extremes)).all())
    for standard, name in _STANDARD_RANGES.items():
        # Whole numbers up to 255 lose nothing, and give the pixels that 8-bit files do.
        fills = high - low >= (standard.high - standard.low) / 4 or low == high
        if standard.low <= low and high <= standard.high and (fills or (is_whole and high <= 255)):
            chosen, kind = standard, f": {name}"
            break
    num_flat = count_flat(extremes, chosen)
    if num_flat >= len(extremes) / 2:
        raise DataError(
            f"One range of values should suit all deep images, but {found}, so that {num_flat:,} "
            f"of {len(extremes):,} images would become a single grey: remove the images with other "
            f"units, or give the range with {option('pixel_range', form='LOW,HIGH')}."
        )
    return chosen, f"{found}{kind}"


def count_flat(extremes: np.ndarray, pixel_range: PixelRange) -> int:
    """Return how many images vary, but by no more than one of the 256 levels of a range.

    Args:
        extremes: float64 (N, NUM_EXTREMES), from `find_extremes`.
        pixel_range: the range.
    """
    spread = extremes[:, -1] - extremes[:, 0]
    level = (pixel_range.high - pixel_range.low) / (_LEVELS - 1)
    return int(np.count_nonzero((spread > 0) & (spread <= level)))


@dataclass(frozen=True)
class Converted:
    """What converting the images of a data set to 8 bits did.

    Attributes:
        num_images: how many images there are, deep or not.
        num_deep: how many of them are deep.
        num_outside: how many of their values are outside the range.
        num_outside_images: in how many images.
        num_flat: see `count_flat`.
    """

    num_images: int
    num_deep: int
    num_outside: int
    num_outside_images: int
    num_flat: int

    def notes(self, pixel_range: PixelRange, reason: str) -> list[str]:
        """Return sentences for the user; the reason is "" if the range was given."""
        notes = []
        if reason:
            notes.append(
                f"Pixel values from {pixel_range} become 0 to 255 in all images ({reason}; change "
                f"it with {option_when_read('pixel_range')})."
            )
        if self.num_deep < self.num_images:
            notes.append(
                f"{self.num_images - self.num_deep:,} of {self.num_images:,} images have only 8 "
                f"bits and keep their values; the others are converted from {pixel_range}. If "
                "that makes them look different, save all images in one format."
            )
        if self.num_outside:
            notes.append(
                f"{self.num_outside:,} pixel values in {self.num_outside_images:,} of "
                f"{self.num_images:,} images are outside {pixel_range}; they became 0 or 255."
            )
        if self.num_flat:
            notes.append(
                f"{self.num_flat:,} of {self.num_images:,} images vary by no more than one of the "
                f"256 levels that {pixel_range} is divided into, so that they became a single grey."
            )
        return notes


def parse_pixel_range(value: Any) -> PixelRange:
    """Return the range of "LOW,HIGH" or two numbers.

    Raises:
        ValueError: when it is something else, or the first number is not the lower one.

    Example:
        >>> parse_pixel_range("-1024,3071")
        PixelRange(low=-1024.0, high=3071.0)
    """
    try:
        low, high = map(float, value.split(",") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("should be two numbers, the lower one first, such as 0,4095")
    return PixelRange(low, high)
