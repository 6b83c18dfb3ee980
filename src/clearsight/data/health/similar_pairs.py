"""Finding pictures that are the same photograph: moved by a pixel, brightened, compressed again.

First every picture's perceptual hash is compared with every other's (`spectra`), then the pixels of
those that remain.

The thresholds were chosen on the first 20,000 training pictures of Fashion-MNIST and 1,000 planted
copies of each kind, and confirmed on others. Of the copies, 99% stay above the hash's threshold and
below the pixels'. Among the unplanted pictures the pairs below 3 grey levels were, by eye, the same
photograph; from 3.5 on they were the same article with another print, and from 4 on other trousers
of the same cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.health.joined_images import Images
from clearsight.data.health.spectra import (
    NOT_MOVED,
    SHIFTS,
    SMALLEST_SIDE,
    Spectra,
    block_factor,
    shrunk,
    spectra_of,
)

MOST_PICTURES = 200_000  # past that only exact duplicates: the work grows with the square
# Least cosine of two hashes, and least correlation of two spectra: of pictures moved against each
# other, where something left and entered at the border, and of pictures in place.
_HASH_MOVED, _HASH_IN_PLACE = 0.987, 0.9965
_SPECTRUM_MOVED, _SPECTRUM_IN_PLACE = 0.972, 0.988
# Most that the pixels of two copies may differ by, once one is moved onto the other and brought to
# its contrast, averaged over 3x3 squares, which JPEG's noise mostly survives not: root mean square
# in grey levels (99% of the JPEG copies of quality 60 were below 2.7), and as a share of the
# contrast (0.05), without which all pictures with little contrast would be alike.
_MOST_DIFFERENCE = 3.0
_MOST_RELATIVE_DIFFERENCE = 0.06
_CONTRASTS = (0.8, 1.25)
_PIXEL_SIDE = 64  # pixels, the longer side of what is compared, at most
_ROWS, _COLUMNS = 512, 4096  # of hashes compared at once: their products stay in the cache
_MOST_PARTNERS = 50  # candidates of one picture that are looked at, the likeliest
_PAIRS = 2048  # compared at once


@dataclass(frozen=True)
class SimilarPairs:
    """Pairs of pictures that show the same photograph.

    Attributes:
        first: int64 (P,), the earlier picture of each pair.
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
    """Find pictures that are the same photograph, most alike first.

    Args:
        images: uint8 (N, H, W, C), an array or several joined.
        places: int64 (M,), ascending: which pictures to compare, None for all. Leave out all but
            one of those that are exactly equal.

    Returns:
        Pairs of numbers of pictures; none where pictures are smaller than 8 pixels.
    """
    if min(images.shape[1:3]) < SMALLEST_SIDE:
        return NO_PAIRS
    spectra = spectra_of(images, np.arange(len(images)) if places is None else places)
    first, second, shifts = _candidates(spectra)
    first, second = spectra.places[first], spectra.places[second]
    differences = _differences(images, first, second, shifts)
    found = np.flatnonzero(np.isfinite(differences))
    order = found[np.argsort(differences[found], kind="stable")]
    return SimilarPairs(first[order], second[order], differences[order])


def _candidates(spectra: Spectra) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of the spectra that may be the same photograph, and how one was moved."""
    hashes = spectra.hashes
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for top in range(0, len(hashes), _ROWS):
        block = hashes[top : top + _ROWS]
        found = []
        for left in range(top, len(hashes), _COLUMNS):
            products = block @ hashes[left : left + _COLUMNS].T
            places = np.flatnonzero(products.ravel() > _HASH_MOVED)
            row, column = np.divmod(places, products.shape[1])
            found.append((row + top, column + left, products.ravel()[places]))
        first, second, likeness = (np.concatenate(part) for part in zip(*found, strict=True))
        later = second > first
        first, second, likeness = _likeliest(first[later], second[later], likeness[later])
        shifts, correlations = spectra.best_shifts(first, second)
        moved = shifts != NOT_MOVED
        alike = likeness >= np.where(moved, _HASH_MOVED, _HASH_IN_PLACE)
        alike &= correlations >= np.where(moved, _SPECTRUM_MOVED, _SPECTRUM_IN_PLACE)
        kept.append((first[alike], second[alike], shifts[alike]))
    if not kept:
        return NO_PAIRS.first, NO_PAIRS.second, NO_PAIRS.first
    first, second, shifts = (np.concatenate(part) for part in zip(*kept, strict=True))
    return first, second, shifts


def _likeliest(
    first: np.ndarray, second: np.ndarray, likeness: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep the likeliest partners of each picture, so that a long burst costs no square."""
    order = np.lexsort((-likeness, first))
    first, second, likeness = first[order], second[order], likeness[order]
    starts = np.searchsorted(first, first, side="left")
    kept = np.arange(len(first)) - starts < _MOST_PARTNERS
    return first[kept], second[kept], likeness[kept]


def _differences(
    images: Images, first: np.ndarray, second: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Compare the pixels of pairs: float32 (P,), infinite where they are not the same."""
    differences = np.full(len(first), np.inf, dtype=np.float32)
    factor = block_factor(images.shape[1:3], _PIXEL_SIDE)
    # Where pictures were shrunk more for the hash, its pixels are not the pixels compared here.
    is_exact = block_factor(images.shape[1:3], max(images.shape[1:3])) == 1 == factor
    for start in range(0, len(first), _PAIRS):
        block = slice(start, start + _PAIRS)
        one, other = (shrunk(images[part[block]], factor) for part in (first, second))
        for number in range(len(SHIFTS)):
            chosen = shifts[block] == number if is_exact else np.ones(len(one), dtype=bool)
            if chosen.any():
                found = _difference(one[chosen], other[chosen], SHIFTS[number])
                differences[block][chosen] = np.minimum(differences[block][chosen], found)
    return differences


def _difference(one: np.ndarray, other: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Compare pictures with others that were moved by `shift`, away from their borders.

    Args:
        one: float32 (P, H, W, C).
        other: likewise.
        shift: pixels down and right.
    """
    _, height, width, _ = one.shape
    down, right = -shift
    one = one[:, 1:-1, 1:-1]
    other = other[:, 1 + down : height - 1 + down, 1 + right : width - 1 + right]
    axes = (1, 2, 3)
    one = one - one.mean(axis=axes, keepdims=True)
    other = other - other.mean(axis=axes, keepdims=True)
    contrast = np.maximum(one.std(axis=axes), 1e-3)
    contrasts = contrast / np.maximum(other.std(axis=axes), 1e-3)
    other *= contrasts[:, None, None, None]
    smooth = _averaged(one - other)
    difference = np.sqrt(np.square(smooth).mean(axis=axes))
    is_same = (difference <= _MOST_DIFFERENCE) & (
        difference <= _MOST_RELATIVE_DIFFERENCE * contrast
    )
    is_same &= (contrasts >= _CONTRASTS[0]) & (contrasts <= _CONTRASTS[1])
    return np.where(is_same, difference, np.inf).astype(np.float32)


def _averaged(values: np.ndarray) -> np.ndarray:
    """Average over 3x3 squares: float32 (P, H, W, C) to float32 (P, H - 2, W - 2, C)."""
    rows = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    return (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
