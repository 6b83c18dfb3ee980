"""Search for near-duplicates: the same photograph shifted by a pixel, brightened or recompressed.

Each image's perceptual hash is compared with every other's (`fingerprints`), then the pixels of
the pairs that remain.

The thresholds were chosen on the first 20,000 training images of Fashion-MNIST and 1,000 planted
copies of each type, and confirmed on copies of other images, of which 97% and more were found.
Among the original images, pairs that differ by less than 3 grey levels were, by eye, the same
photograph or the same article in another colour; from 3.5 on they were the same cut with another
print, and from 4 on other trousers.
"""

from dataclasses import dataclass

import numpy as np

from clearsight.data.health.fingerprints import (
    HASH_SIDE,
    MIN_SIDE,
    SHIFTS,
    Fingerprints,
    average_3x3,
    compute_fingerprints,
    shrink,
    shrink_factor,
    to_grey,
)
from clearsight.data.health.joined_images import Images

MAX_IMAGES = 200_000  # more are not searched: the work grows with the square
_MIN_COSINE = 0.985  # of two hashes
# Of two images' samples; smaller if images were shrunk, because a shift by a pixel is then one by a
# fraction of a sample's square.
_MIN_CORRELATION, _MIN_CORRELATION_SHRUNK = 0.99, 0.94
# Largest difference in brightness of two copies after aligning them and matching their contrast,
# averaged over 3x3 squares, which evens out most of JPEG's noise: root mean square in grey levels
# (99% of the JPEG copies of quality 60 were below 2.7), and as a fraction of the contrast (0.05),
# without which all images with little contrast would match.
_MAX_DIFFERENCE = 3.0
_MAX_RELATIVE_DIFFERENCE = 0.06
# Likewise for colour, which JPEG stores far more coarsely; another colour differs by tens.
_MAX_COLOUR_DIFFERENCE = 12.0
_CONTRASTS = (0.8, 1.25)
_PIXEL_SIDE = 64  # pixels; larger images are shrunk before their pixels are compared
_ROWS, _COLUMNS = 512, 4096  # hashes compared at once: their products stay in the cache
_MAX_PARTNERS = 50  # candidates of one image whose pixels are compared, the best
_VALUES_AT_ONCE = 2_000_000  # pixel values of the images compared at once


@dataclass(frozen=True)
class SimilarPairs:
    """Pairs of near-duplicates.

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


def find_similar_pairs(images: Images, numbers: np.ndarray | None = None) -> SimilarPairs:
    """Find near-duplicates, the most similar pairs first; none among images below 8 pixels.

    Args:
        images: uint8 (N, H, W, C), an array or several joined.
        numbers: int64 (M,), ascending, which images to compare; None for all. Give only one of
            each group of exact duplicates.
    """
    if min(images.shape[1:3]) < MIN_SIDE:
        return NO_PAIRS
    numbers = np.arange(len(images)) if numbers is None else numbers
    fingerprints = compute_fingerprints(images, numbers)
    first, second, shifts = _candidates(fingerprints)
    first, second = fingerprints.numbers[first], fingerprints.numbers[second]
    differences = _differences(images, first, second, shifts)
    found = np.flatnonzero(np.isfinite(differences))
    order = found[np.argsort(differences[found], kind="stable")]
    return SimilarPairs(first[order], second[order], differences[order])


def _candidates(fingerprints: Fingerprints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of rows of the fingerprints that may be duplicates, and their best shifts."""
    hashes = fingerprints.hashes
    least = _MIN_CORRELATION if fingerprints.factor == 1 else _MIN_CORRELATION_SHRUNK
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for top in range(0, len(hashes), _ROWS):
        block = hashes[top : top + _ROWS]
        found = []
        for left in range(top, len(hashes), _COLUMNS):
            products = block @ hashes[left : left + _COLUMNS].T
            likely = np.flatnonzero(products.ravel() > _MIN_COSINE)
            row, column = np.divmod(likely, products.shape[1])
            row, column = row + top, column + left
            later = column > row
            row, column, cosines = row[later], column[later], products.ravel()[likely[later]]
            if len(row) > _MAX_PARTNERS * len(block):
                best = _best_partners(row, cosines)
                row, column = row[best], column[best]
            found.append((row, column))
        first, second = (np.concatenate(part) for part in zip(*found, strict=True))
        shifts, correlations = fingerprints.best_shifts(first, second)
        is_similar = correlations >= least
        first, second, shifts = first[is_similar], second[is_similar], shifts[is_similar]
        best = _best_partners(first, correlations[is_similar])
        kept.append((first[best], second[best], shifts[best]))
    if not kept:
        return NO_PAIRS.first, NO_PAIRS.second, NO_PAIRS.first
    first, second, shifts = (np.concatenate(part) for part in zip(*kept, strict=True))
    return first, second, shifts


def _best_partners(first: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Choose the best partners of each first image, so that the cost of a long burst stays linear.

    Pairs, (P,) with their similarity, become the indices of those chosen, int64 (Q,).
    """
    order = np.lexsort((-similarity, first))
    ordered = first[order]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered, side="left")
    return order[rank < _MAX_PARTNERS]


def _differences(
    images: Images, first: np.ndarray, second: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Compare the pixels of pairs: float32 (P,), infinite for those that are not duplicates."""
    differences = np.full(len(first), np.inf, dtype=np.float32)
    factor = shrink_factor(images.shape[1:3], _PIXEL_SIDE)
    is_exact = shrink_factor(images.shape[1:3], HASH_SIDE) == 1
    step = max(_VALUES_AT_ONCE // int(np.prod(images.shape[1:])), 1)
    for start in range(0, len(first), step):
        block = slice(start, start + step)
        one, other = (images[part[block]] for part in (first, second))
        for number, shift in enumerate(SHIFTS):
            chosen = shifts[block] == number if is_exact else np.ones(len(one), dtype=bool)
            if chosen.any():
                inner, moved = _overlapping(one[chosen], other[chosen], shift)
                found = _difference(shrink(inner, factor), shrink(moved, factor))
                differences[block][chosen] = np.minimum(differences[block][chosen], found)
    return differences


def _overlapping(
    one: np.ndarray, other: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Crop images so that the second ones, shifted down and right by `shift`, match the first.

    Both are uint8 (P, H, W, C) and become (P, H - 2, W - 2, C).
    """
    _, height, width, _ = one.shape
    down, right = 1 + shift
    return one[:, 1:-1, 1:-1], other[:, down : height - 2 + down, right : width - 2 + right]


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how much aligned images, float32 (P, H, W, C), differ: (P,), infinite if too much."""
    grey, other_grey = to_grey(one), to_grey(other)
    axes = (1, 2)
    grey = grey - grey.mean(axis=axes, keepdims=True)
    other_grey = other_grey - other_grey.mean(axis=axes, keepdims=True)
    contrast = np.maximum(grey.std(axis=axes), 1e-3)
    contrasts = contrast / np.maximum(other_grey.std(axis=axes), 1e-3)
    residual = grey - other_grey * contrasts[:, None, None]
    difference = np.sqrt(np.square(average_3x3(residual)).mean(axis=axes))
    is_same = difference <= np.minimum(_MAX_DIFFERENCE, _MAX_RELATIVE_DIFFERENCE * contrast)
    is_same &= (contrasts >= _CONTRASTS[0]) & (contrasts <= _CONTRASTS[1])
    if one.shape[-1] >= 3:
        for channel in range(3):
            tint = one[..., channel] - to_grey(one)
            other_tint = other[..., channel] - to_grey(other)
            colour = average_3x3(tint - other_tint * contrasts[:, None, None])
            is_same &= np.sqrt(np.square(colour).mean(axis=axes)) <= _MAX_COLOUR_DIFFERENCE
    return np.where(is_same, difference, np.inf).astype(np.float32)
