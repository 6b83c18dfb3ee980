"""Finding images that are the same photograph: moved by a pixel, brightened, compressed again.

First every image's perceptual hash is compared with every other's (`fingerprints`), then the
pixels of those that remain.

The thresholds were chosen on the first 20,000 training images of Fashion-MNIST and 1,000 planted
copies of each kind, and confirmed on copies of others, of which 97% and more were found. Among the
images as they are, pairs that differ by less than 3 grey levels were, by eye, the same photograph
or the same article in another colour; from 3.5 on they were the same cut with another print, and
from 4 on other trousers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.health.fingerprints import (
    HASH_SIDE,
    SHIFTS,
    SMALLEST_SIDE,
    Fingerprints,
    averaged,
    block_factor,
    fingerprints_of,
    grey_of,
    shrunk,
)
from clearsight.data.health.joined_images import Images

MOST_IMAGES = 200_000  # past that only exact duplicates: the work grows with the square
_LEAST_COSINE = 0.985  # of two hashes
# Least correlation of two images' samples; smaller where images were shrunk, because then a
# move by a pixel is one by a part of a sample's square.
_LEAST_CORRELATION, _LEAST_CORRELATION_SHRUNK = 0.99, 0.94
# Most that the brightness of two copies may differ by, once one is moved onto the other and brought
# to its contrast, averaged over 3x3 squares, which evens out most of JPEG's noise: root mean square
# in grey levels (99% of the JPEG copies of quality 60 were below 2.7), and as a share of the
# contrast (0.05), without which all images with little contrast would be alike.
_MOST_DIFFERENCE = 3.0
_MOST_RELATIVE_DIFFERENCE = 0.06
# Likewise for colour, which JPEG keeps far more coarsely; another colour differs by tens.
_MOST_COLOUR_DIFFERENCE = 12.0
_CONTRASTS = (0.8, 1.25)
_PIXEL_SIDE = 64  # pixels, the longer side of what is compared, at most
_ROWS, _COLUMNS = 512, 4096  # of hashes compared at once: their products stay in the cache
_MOST_PARTNERS = 50  # candidates of one image that are looked at, the likeliest
_VALUES = 2_000_000  # of images whose pixels are compared at once


@dataclass(frozen=True)
class SimilarPairs:
    """Pairs of images that show the same photograph.

    Attributes:
        first: int64 (P,), the earlier image of each pair.
        second: int64 (P,), the later one.
        differences: float32 (P,), root mean square in grey levels; see the module.
    """

    first: np.ndarray
    second: np.ndarray
    differences: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


NO_PAIRS = SimilarPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def similar_pairs(images: Images, places: np.ndarray | None = None) -> SimilarPairs:
    """Find images that are the same photograph, most alike first.

    Args:
        images: uint8 (N, H, W, C), an array or several joined.
        places: int64 (M,), ascending: which images to compare, None for all. Leave out all but
            one of those that are exactly equal.

    Returns:
        Pairs of numbers of images; none where images are smaller than 8 pixels.
    """
    if min(images.shape[1:3]) < SMALLEST_SIDE:
        return NO_PAIRS
    fingerprints = fingerprints_of(images, np.arange(len(images)) if places is None else places)
    first, second, shifts = _candidates(fingerprints)
    first, second = fingerprints.places[first], fingerprints.places[second]
    differences = _differences(images, first, second, shifts)
    found = np.flatnonzero(np.isfinite(differences))
    order = found[np.argsort(differences[found], kind="stable")]
    return SimilarPairs(first[order], second[order], differences[order])


def _candidates(fingerprints: Fingerprints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of the fingerprints that may be the same photograph, and how one was moved."""
    hashes = fingerprints.hashes
    least = _LEAST_CORRELATION if fingerprints.factor == 1 else _LEAST_CORRELATION_SHRUNK
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for top in range(0, len(hashes), _ROWS):
        block = hashes[top : top + _ROWS]
        found = []
        for left in range(top, len(hashes), _COLUMNS):
            products = block @ hashes[left : left + _COLUMNS].T
            places = np.flatnonzero(products.ravel() > _LEAST_COSINE)
            row, column = np.divmod(places, products.shape[1])
            row, column = row + top, column + left
            later = column > row
            row, column, cosines = row[later], column[later], products.ravel()[places[later]]
            if len(row) > _MOST_PARTNERS * len(block):
                likeliest = _likeliest(row, cosines)
                row, column = row[likeliest], column[likeliest]
            found.append((row, column))
        first, second = (np.concatenate(part) for part in zip(*found, strict=True))
        shifts, correlations = fingerprints.best_shifts(first, second)
        alike = correlations >= least
        first, second, shifts = first[alike], second[alike], shifts[alike]
        likeliest = _likeliest(first, correlations[alike])
        kept.append((first[likeliest], second[likeliest], shifts[likeliest]))
    if not kept:
        return NO_PAIRS.first, NO_PAIRS.second, NO_PAIRS.first
    first, second, shifts = (np.concatenate(part) for part in zip(*kept, strict=True))
    return first, second, shifts


def _likeliest(first: np.ndarray, likeness: np.ndarray) -> np.ndarray:
    """Choose the likeliest partners of each image, so that a long burst costs no square.

    Args:
        first: int64 (P,), the image.
        likeness: float32 (P,), how alike its partner is.

    Returns:
        int64 (Q,), which pairs.
    """
    order = np.lexsort((-likeness, first))
    ordered = first[order]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered, side="left")
    return order[rank < _MOST_PARTNERS]


def _differences(
    images: Images, first: np.ndarray, second: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Compare the pixels of pairs: float32 (P,), infinite where they are not the same."""
    differences = np.full(len(first), np.inf, dtype=np.float32)
    factor = block_factor(images.shape[1:3], _PIXEL_SIDE)
    is_exact = block_factor(images.shape[1:3], HASH_SIDE) == 1
    step = max(_VALUES // int(np.prod(images.shape[1:])), 1)
    for start in range(0, len(first), step):
        block = slice(start, start + step)
        one, other = (images[part[block]] for part in (first, second))
        for number, shift in enumerate(SHIFTS):
            chosen = shifts[block] == number if is_exact else np.ones(len(one), dtype=bool)
            if chosen.any():
                inner, moved = _overlapping(one[chosen], other[chosen], shift)
                found = _difference(shrunk(inner, factor), shrunk(moved, factor))
                differences[block][chosen] = np.minimum(differences[block][chosen], found)
    return differences


def _overlapping(
    one: np.ndarray, other: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cut away a border of images and move others, by `shift` pixels down and right, onto them.

    Args:
        one: uint8 (P, H, W, C).
        other: likewise.
        shift: int64 (2,).

    Returns:
        uint8 (P, H - 2, W - 2, C), twice.
    """
    _, height, width, _ = one.shape
    down, right = 1 + shift
    return (
        one[:, 1:-1, 1:-1],
        other[:, down : height - 2 + down, right : width - 2 + right],
    )


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Say how much images differ that lie on each other: float32 (P,), infinite if too much.

    Args:
        one: float32 (P, H, W, C).
        other: likewise.
    """
    grey, other_grey = grey_of(one), grey_of(other)
    axes = (1, 2)
    grey = grey - grey.mean(axis=axes, keepdims=True)
    other_grey = other_grey - other_grey.mean(axis=axes, keepdims=True)
    contrast = np.maximum(grey.std(axis=axes), 1e-3)
    contrasts = contrast / np.maximum(other_grey.std(axis=axes), 1e-3)
    residual = grey - other_grey * contrasts[:, None, None]
    difference = np.sqrt(np.square(averaged(residual)).mean(axis=axes))
    is_same = difference <= np.minimum(_MOST_DIFFERENCE, _MOST_RELATIVE_DIFFERENCE * contrast)
    is_same &= (contrasts >= _CONTRASTS[0]) & (contrasts <= _CONTRASTS[1])
    if one.shape[-1] >= 3:
        for channel in range(3):
            tint = one[..., channel] - grey_of(one)
            other_tint = other[..., channel] - grey_of(other)
            colour = averaged(tint - other_tint * contrasts[:, None, None])
            is_same &= np.sqrt(np.square(colour).mean(axis=axes)) <= _MOST_COLOUR_DIFFERENCE
    return np.where(is_same, difference, np.inf).astype(np.float32)
