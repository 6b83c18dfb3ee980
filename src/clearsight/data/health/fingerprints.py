"""`Fingerprints`: what images are compared by before their pixels are.

The *hash* is the square root of the magnitudes of an image's lowest frequencies. A move changes
only the phases of frequencies, apart from what enters and leaves at the edges, where images are
faded out; so a copy that was moved, brightened or compressed keeps its hash. The *samples* are
averages of 3x3 squares over the inner part, taken in place and moved by a pixel each way; they tell
whether two images lie on each other after a move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.health.joined_images import Images, block_length
from clearsight.data.preparation.polarity import REC_601

HASH_SIDE = 32  # pixels, the longer side of what is compared, at most
SMALLEST_SIDE = 8  # pixels; smaller images hold too few frequencies to know them by
# Of 3, 5 and 7, seven had the fewest false candidates by far: 0.3 an image among 20,000 of
# Fashion-MNIST where 95% of the copies moved by a pixel were kept, against 10 with three.
_HIGHEST_FREQUENCY = 7
# Share of the height or width in which images fade out towards each edge. Without it, photographs
# that were moved by a pixel lost more of their hash (0.92 against 0.99, at the fifth percentile).
_FADE = 1 / 7
_FLAT = 2.0  # grey levels; an image whose standard deviation is less shows nothing to compare
_STEP = 3  # pixels between samples
_PAIRS = 4096  # compared at once

SHIFTS = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
_IN_PLACE = 4  # the place of (0, 0) in SHIFTS


@dataclass(frozen=True)
class Fingerprints:
    """What some images are compared by.

    Attributes:
        places: int64 (M,), which images; flat ones are left out.
        hashes: float32 (M, F), rows of length 1.
        samples: float16 (M, 9, S), for each of `SHIFTS`, without their mean and of length 1.
        factor: by which images were shrunk.
    """

    places: np.ndarray
    hashes: np.ndarray
    samples: np.ndarray
    factor: int

    def best_shifts(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tell by how much images were moved against others, and how alike they are then.

        Args:
            first: int64 (P,), rows of these fingerprints.
            second: likewise, the other image of each pair.

        Returns:
            int64 (P,) rows of `SHIFTS`, and float32 (P,) the correlation of the two at that shift.
        """
        best = np.empty(len(first), dtype=np.int64)
        likeness = np.empty(len(first), dtype=np.float32)
        for start in range(0, len(first), _PAIRS):
            block = slice(start, start + _PAIRS)
            still = self.samples[first[block], _IN_PLACE].astype(np.float32)
            moved = self.samples[second[block]].astype(np.float32)
            correlations = np.matmul(moved, still[:, :, None])[:, :, 0]
            best[block] = correlations.argmax(axis=1)
            likeness[block] = correlations.max(axis=1)
        return best, likeness


def fingerprints_of(images: Images, places: np.ndarray) -> Fingerprints:
    """Work out the fingerprints of the images at `places`, block by block.

    Args:
        images: uint8 (N, H, W, C), an array or several joined.
        places: int64 (M,), ascending.
    """
    factor = block_factor(images.shape[1:3], HASH_SIDE)
    kept, hashes, samples = [], [], []
    # One block even of no images, which gives the arrays their shapes.
    length = block_length(images.shape)
    for start in range(0, max(len(places), 1), length):
        block = places[start : start + length]
        grey = grey_of(shrunk(images[block], factor))
        shows = grey.std(axis=(1, 2)) >= _FLAT
        kept.append(block[shows])
        hashes.append(_hashes(grey[shows]))
        samples.append(_samples(grey[shows]))
    return Fingerprints(
        np.concatenate(kept), np.concatenate(hashes), np.concatenate(samples), factor
    )


def _hashes(grey: np.ndarray) -> np.ndarray:
    """Return the hashes of images: float32 (N, H, W) to float32 (N, F)."""
    _, height, width = grey.shape
    tall, wide = (min(_HIGHEST_FREQUENCY, (side - 1) // 2) for side in (height, width))
    vertical = np.concatenate([np.arange(-tall, 0), np.arange(tall + 1)])
    # The mean says how bright an image is, not what it shows.
    wanted = ~((vertical[:, None] == 0) & (np.arange(wide + 1) == 0))
    window = np.outer(_fading(height), _fading(width))
    means = np.tensordot(grey, window, axes=2) / window.sum()
    faded = (grey - means[:, None, None]) * window
    spectrum = np.fft.rfft2(faded, axes=(1, 2))[:, vertical, : wide + 1][:, wanted]
    hashes = np.sqrt(np.abs(spectrum)).astype(np.float32)
    return hashes / np.maximum(np.linalg.norm(hashes, axis=1, keepdims=True), 1e-9)


def _samples(grey: np.ndarray) -> np.ndarray:
    """Return the samples of images: float32 (N, H, W) to float16 (N, 9, S)."""
    count, height, width = grey.shape
    smooth = averaged(grey)  # its (0, 0) is the square around (1, 1)
    moved = []
    for down, right in SHIFTS:
        rows = slice(1 + down, height - 3 + down, _STEP)
        columns = slice(1 + right, width - 3 + right, _STEP)
        taken = smooth[:, rows, columns]
        moved.append(taken.reshape(count, taken.shape[1] * taken.shape[2]))
    samples = np.stack(moved, axis=1)
    samples -= samples.mean(axis=2, keepdims=True)
    samples /= np.maximum(np.linalg.norm(samples, axis=2, keepdims=True), 1e-6)
    return samples.astype(np.float16)


def averaged(values: np.ndarray) -> np.ndarray:
    """Average over 3x3 squares: float32 (N, H, W) to float32 (N, H - 2, W - 2)."""
    rows = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    return (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9


def _fading(side: int) -> np.ndarray:
    """Return weights that rise and fall as a cosine near the two edges: float32 (side,)."""
    inwards = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
    return (0.5 - 0.5 * np.cos(np.pi * np.minimum(inwards / (_FADE * side), 1))).astype(np.float32)


def block_factor(size: tuple[int, ...], most: int) -> int:
    """Return by which whole factor images must shrink to have at most `most` rows and columns."""
    return max(1, -(-max(size) // most))


def shrunk(images: np.ndarray, factor: int) -> np.ndarray:
    """Shrink images by a whole factor, each pixel the mean of a square of them.

    Args:
        images: uint8 (N, H, W, C).
        factor: at least 1; what is left over at the lower and right edge is dropped.

    Returns:
        float32 (N, H // factor, W // factor, C), 0..255.
    """
    if factor == 1:
        return images.astype(np.float32)
    count, height, width, channels = images.shape
    rows, columns = max(height // factor, 1), max(width // factor, 1)
    cut = images[:, : rows * factor, : columns * factor]
    squares = cut.reshape(count, rows, min(factor, height), columns, min(factor, width), channels)
    return squares.mean(axis=(2, 4), dtype=np.float32)


def grey_of(images: np.ndarray) -> np.ndarray:
    """Return brightness: float32 (N, H, W, C) to float32 (N, H, W), alpha left out."""
    return images[..., :3] @ REC_601.astype(np.float32) if images.shape[-1] >= 3 else images[..., 0]
