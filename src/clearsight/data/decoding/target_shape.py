"""Which size and how many channels the images of a listing are brought to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.data.listing import Listing
from clearsight.data.preparation.read_image import read_image_header
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

NUM_SAMPLED = 200  # images whose headers are read to choose by
_KEPT_SIDE = 128  # pixels; images of one size up to this are taken as they are

# Photographs are mostly told apart by shapes that survive this size, and a network takes time in
# proportion to the number of pixels: 2,000 images of 96x96 cost about what 4,500 of 64x64 do.
_SIDE_OF_FEW = 96
_SIDE_OF_MANY = 64
_MANY = 10_000  # images


@dataclass(frozen=True)
class TargetShape:
    """What all images of a set have in common.

    Attributes:
        height: rows.
        width: columns.
        channels: 1 or 3.
        reason: why, in a sentence; "" when the user asked for all of it.
    """

    height: int
    width: int
    channels: int
    reason: str


def choose_target_shape(listing: Listing, options: SourceOptions) -> TargetShape:
    """Choose what the user leaves open by the headers of some of the images.

    Raises:
        DataError: when none of the images looked at can be read.
    """
    if options.image_size is not None and options.channels != "auto":
        return TargetShape(*options.image_size, options.channels, "")
    step = -(-len(listing) // NUM_SAMPLED)
    known = _headers(listing, listing.keys[::step]) or _headers(listing, listing.keys)
    if not known:
        raise DataError(
            f"{listing.provenance} should hold images, but none of {len(listing):,} can be read: "
            "check that they open in an image viewer."
        )
    sizes = np.array([header[:2] for header in known])
    is_grey = all(header[2] for header in known)
    (height, width), why_size = _size(sizes, len(listing))
    channels, why_channels = (1, "all are grey") if is_grey else (3, "there is colour in them")
    if options.image_size is not None:
        height, width = options.image_size
        why_size = "as asked for"
    if options.channels != "auto":
        channels, why_channels = options.channels, "as asked for"
    return TargetShape(
        height,
        width,
        channels,
        f"Images are brought to {height}x{width} ({why_size}; change it with --image-size) and "
        f"{channels} channel{'s' if channels > 1 else ''} ({why_channels}; --channels).",
    )


def _headers(listing: Listing, keys: Sequence[str]) -> list[tuple[int, int, bool]]:
    """Return height, width and whether it is grey of each image whose header can be read."""
    read = (content for _, content in listing.reader.each(keys) if isinstance(content, bytes))
    return [header for content in read if (header := read_image_header(content)) is not None]


def _size(sizes: np.ndarray, num_images: int) -> tuple[tuple[int, int], str]:
    """Choose height and width, and say why.

    Args:
        sizes: integers (M, 2), height and width of the images looked at.
        num_images: how many there are in all.
    """
    height, width = (int(side) for side in sizes[0])
    is_one_size = bool((sizes == sizes[0]).all())
    if is_one_size and max(height, width) <= _KEPT_SIDE:
        return (height, width), "the size that they have"
    median = int(np.median(sizes.min(axis=1)))
    most = _SIDE_OF_FEW if num_images <= _MANY else _SIDE_OF_MANY
    side = max(min(most, median), 1)
    amount = f"{num_images:,} images of about {median} pixels"
    if is_one_size:
        longer = max(height, width)
        return (
            (max(round(side * height / longer), 1), max(round(side * width / longer), 1)),
            f"enough for most tasks and quick on a CPU for {amount}, all of one shape",
        )
    return (side, side), f"enough for most tasks and quick on a CPU for {amount}"
