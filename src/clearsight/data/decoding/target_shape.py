"""`TargetShape`: the size and channels that the images of a listing are resized to."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from clearsight.data.listing import Listing
from clearsight.data.preparation.colour import is_in_colour
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.data.preparation.read_image import read_image, read_image_header
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from clearsight.option_names import option_when_read

NUM_SAMPLED = 200  # images whose headers are read
_MAX_SAMPLED = 20_000  # if none of these can be read
_MAX_UNCHANGED_PIXELS = 128  # pixels; images of one size up to this keep it

# Most photographs keep the shapes that distinguish them at this size, and a network takes time in
# proportion to the number of pixels: 2,000 images of 96x96 cost about what 4,500 of 64x64 do.
_SIDE_OF_FEW = 96
_SIDE_OF_MANY = 64
_MANY = 10_000  # images

# Images are resized to a shape of their own, of the area that the square would have, if most have
# nearly the same ratio of height to width. Padding wide images to a square would waste its pixels.
_ALIKE = 1.25  # factor between two ratios that are nearly the same
_LARGE_MAJORITY = 0.9  # fraction of the images
_NEARLY_SQUARE = 1.1  # ratio up to which a square is as good
_OWN_SIZE = "their own"


@dataclass(frozen=True)
class TargetShape:
    """The shape of every decoded image.

    Attributes:
        height: rows.
        width: columns.
        channels: 1 or 3.
        reason: why, in a sentence; "" if the user asked for all of it.
    """

    height: int
    width: int
    channels: int
    reason: str


def choose_target_shape(listing: Listing, options: SourceOptions) -> TargetShape:
    """Choose the size and channels that the options leave open from some of the images' headers.

    Raises:
        DataError: when no image can be read.
    """
    if options.image_size is not None and options.channels != "auto":
        return TargetShape(*options.image_size, options.channels, "")
    sample, larger = (listing.keys[:: -(-len(listing) // n)] for n in (NUM_SAMPLED, _MAX_SAMPLED))
    headers = _read_headers(listing, sample) or _read_headers(listing, larger)
    if not headers:
        some = "" if len(larger) == len(listing) else f"{len(larger):,} of "
        raise DataError(
            f"{listing.provenance} should hold images, but none of {some}{len(listing):,} can be "
            f"read. {_first_problem(listing)} Check that they open in an image viewer."
        )
    sizes = np.array([header[:2] for header in headers])
    (height, width), why_size = _choose_size(sizes, len(listing))
    is_grey = all(header[2] for header in headers) or not _is_any_in_colour(listing, sample)
    channels, why_channels = (1, "as all are grey") if is_grey else (3, "as some are in colour")
    if options.image_size is not None:
        (height, width), why_size = options.image_size, "as requested"
    if options.channels != "auto":
        channels, why_channels = options.channels, "as requested"
    return TargetShape(
        height,
        width,
        channels,
        f"Size {height}x{width}, {why_size} ({option_when_read('image_size')}); {channels} "
        f"channel{'s' if channels > 1 else ''}, {why_channels} ({option_when_read('channels')}).",
    )


def _is_any_in_colour(listing: Listing, keys: Sequence[str]) -> bool:
    """Return whether the pixels of an image are in colour; grey ones are often stored in colours.

    Mostly the first image answers it.
    """
    for key, content in listing.reader.each(keys):
        with suppress(DataError):  # reported when it is decoded
            if isinstance(content, bytes):
                pixels = read_image(content, name=key, fit_for=(_SIDE_OF_FEW, _SIDE_OF_FEW)).pixels
                is_deep = pixels.dtype != np.uint8  # whose range is not known yet
                if pixels.shape[-1] >= 3 and (is_deep or is_in_colour(pixels, PixelRange(0, 255))):
                    return True
    return False


def _first_problem(listing: Listing) -> str:
    """Return what is wrong with the first image, in a sentence; "" if it can be read after all."""
    key, content = next(iter(listing.reader.each(listing.keys[:1])))
    try:
        if isinstance(content, DataError):
            raise content
        read_image(content, name=key)
    except DataError as error:
        return str(error)
    return ""


def _read_headers(listing: Listing, keys: Sequence[str]) -> list[tuple[int, int, bool]]:
    """Return height, width and whether it is grey of each image whose header can be read."""
    contents = (content for _, content in listing.reader.each(keys) if isinstance(content, bytes))
    return [header for content in contents if (header := read_image_header(content)) is not None]


def _choose_size(sizes: np.ndarray, num_images: int) -> tuple[tuple[int, int], str]:
    """Choose height and width, and say why.

    `sizes` are integers (M, 2), height and width of the sampled images.
    """
    is_one_size = bool((sizes == sizes[0]).all())
    if is_one_size and sizes.max() <= _MAX_UNCHANGED_PIXELS:
        return (int(sizes[0, 0]), int(sizes[0, 1])), _OWN_SIZE
    side = _SIDE_OF_FEW if num_images <= _MANY else _SIDE_OF_MANY
    elongation = sizes[:, 0] / sizes[:, 1]
    typical = float(np.median(elongation))
    is_alike = np.maximum(elongation / typical, typical / elongation) <= _ALIKE
    if not is_one_size and (
        np.mean(is_alike) < _LARGE_MAJORITY or max(typical, 1 / typical) <= _NEARLY_SQUARE
    ):
        median = int(np.median(sizes.min(axis=1)))
        side = max(min(side, median), 1)
        is_smaller = side < median
        return (side, side), _resized_from(median) if is_smaller else "the median of their sides"
    area = min(side**2, float(np.median(sizes.prod(axis=1))))
    height, width = (area * typical) ** 0.5, (area / typical) ** 0.5
    size = max(round(height), 1), max(round(width), 1)
    if is_one_size and size == tuple(sizes[0]):
        return size, _OWN_SIZE
    own = "x".join(f"{round(middle)}" for middle in np.median(sizes, axis=0))
    return size, f"{_resized_from(own)}, {'all' if is_one_size else 'most'} of one shape"


def _resized_from(size: int | str) -> str:
    return f"enough for most tasks and fast on a CPU, from about {size} pixels"
