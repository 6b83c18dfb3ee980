"""`Fingerprints`: short descriptions by which images are compared before their pixels are.

The *hash* is the square root of the magnitudes of an image's lowest frequencies. A shift changes
only the phases of frequencies, apart from what enters and leaves at the edges, where images are
faded out; so a copy that was shifted, brightened or recompressed keeps its hash. The *samples* are
averages of 3x3 squares over the inner part, taken in place and shifted by a pixel in each
direction; they show by which shift two images match.
"""

from dataclasses import dataclass

import numpy as np

from clearsight.data.health.joined_images import Images, block_length
from clearsight.data.preparation.polarity import REC_601

HASH_SIDE = 32  # pixels; larger images are shrunk until their longer side has about these
MIN_SIDE = 8  # pixels; smaller images have too few frequencies to tell them apart
# Of 3, 5 and 7, seven had by far the fewest false candidates: 0.3 per image among 20,000 of
# Fashion-MNIST at a recall of 95% of the copies shifted by a pixel, against 10 with three.
_MAX_FREQUENCY = 7
# Fraction of the height or width in which images fade out towards each edge. Without it, a shift by
# a pixel changed the hash of photographs more (fifth percentile of the cosine 0.92, with it 0.99).
_FADE = 1 / 7
_FLAT = 2.0  # grey levels; an image with a smaller standard deviation has nothing to compare
_STEP = 3  # pixels between samples
_PAIRS_AT_ONCE = 4096

SHIFTS = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
_IN_PLACE = 4  # the index of (0, 0) in SHIFTS


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of some images.

    Attributes:
        numbers: int64 (M,), which images; flat ones are left out.
        hashes: float32 (M, F), rows of length 1.
        samples: float16 (M, 9, S), for each of `SHIFTS`, with mean 0 and length 1.
        factor: by which the images were shrunk.
    """

    numbers: np.ndarray
    hashes: np.ndarray
    samples: np.ndarray
    factor: int

    def best_shifts(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the shift at which the images of each pair, int64 (P,) twice, match best.

        Returns:
            Rows of `SHIFTS`, int64 (P,), and the correlation at that shift, float32 (P,).
        """
        best = np.empty(len(first), dtype=np.int64)
        correlation = np.empty(len(first), dtype=np.float32)
        for start in range(0, len(first), _PAIRS_AT_ONCE):
            block = slice(start, start + _PAIRS_AT_ONCE)
            still = self.samples[first[block], _IN_PLACE].astype(np.float32)
            moved = self.samples[second[block]].astype(np.float32)
            correlations = np.matmul(moved, still[:, :, None])[:, :, 0]
            best[block] = correlations.argmax(axis=1)
            correlation[block] = correlations.max(axis=1)
        return best, correlation


def compute_fingerprints(images: Images, numbers: np.ndarray) -> Fingerprints:
    """Compute the fingerprints of the images with these numbers, int64 (M,), block by block."""
    factor = shrink_factor(images.shape[1:3], HASH_SIDE)
    kept, hashes, samples = [], [], []
    # At least one block, even if empty, which gives the arrays their shapes.
    length = block_length(images.shape)
    for start in range(0, max(len(numbers), 1), length):
        block = numbers[start : start + length]
        grey = to_grey(shrink(images[block], factor))
        shows = grey.std(axis=(1, 2)) >= _FLAT
        kept.append(block[shows])
        hashes.append(_hashes(grey[shows]))
        samples.append(_samples(grey[shows]))
    return Fingerprints(
        np.concatenate(kept), np.concatenate(hashes), np.concatenate(samples), factor
    )


def _hashes(grey: np.ndarray) -> np.ndarray:
    """Compute hashes: float32 (N, H, W) to float32 (N, F)."""
    _, height, width = grey.shape
    tall, wide = (min(_MAX_FREQUENCY, (side - 1) // 2) for side in (height, width))
    vertical = np.concatenate([np.arange(-tall, 0), np.arange(tall + 1)])
    # The mean only gives the overall brightness.
    is_used = ~((vertical[:, None] == 0) & (np.arange(wide + 1) == 0))
    window = np.outer(_fade_weights(height), _fade_weights(width))
    means = np.tensordot(grey, window, axes=2) / window.sum()
    faded = (grey - means[:, None, None]) * window
    spectrum = np.fft.rfft2(faded, axes=(1, 2))[:, vertical, : wide + 1][:, is_used]
    hashes = np.sqrt(np.abs(spectrum)).astype(np.float32)
    return hashes / np.maximum(np.linalg.norm(hashes, axis=1, keepdims=True), 1e-9)


def _samples(grey: np.ndarray) -> np.ndarray:
    """Compute samples: float32 (N, H, W) to float16 (N, 9, S)."""
    count, height, width = grey.shape
    smooth = average_3x3(grey)  # its (0, 0) is the square around (1, 1)
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


def average_3x3(values: np.ndarray) -> np.ndarray:
    """Average all squares of 3x3 pixels: float32 (N, H, W) to float32 (N, H - 2, W - 2)."""
    rows = values[:, :-2] + values[:, 1:-1] + values[:, 2:]
    return (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9


def _fade_weights(side: int) -> np.ndarray:
    """Return weights that rise and fall as a cosine near the two edges: float32 (side,)."""
    inwards = np.minimum(np.arange(side), np.arange(side)[::-1]) + 0.5
    return (0.5 - 0.5 * np.cos(np.pi * np.minimum(inwards / (_FADE * side), 1))).astype(np.float32)


def shrink_factor(size: tuple[int, ...], max_side: int) -> int:
    """Return the whole factor by which to shrink images to at most `max_side` rows and columns.

    Elongated images are shrunk less, so that their shorter side keeps `MIN_SIDE` pixels.
    """
    return max(1, min(-(-max(size) // max_side), min(size) // MIN_SIDE))


def shrink(images: np.ndarray, factor: int) -> np.ndarray:
    """Shrink images by a whole factor; each pixel becomes the mean of a square.

    uint8 (N, H, W, C) becomes float32 (N, H // factor, W // factor, C), 0..255: incomplete squares
    at the lower and right edge are dropped.
    """
    if factor == 1:
        return images.astype(np.float32)
    count, height, width, channels = images.shape
    rows, columns = max(height // factor, 1), max(width // factor, 1)
    cut = images[:, : rows * factor, : columns * factor]
    squares = cut.reshape(count, rows, min(factor, height), columns, min(factor, width), channels)
    return squares.mean(axis=(2, 4), dtype=np.float32)


def to_grey(images: np.ndarray) -> np.ndarray:
    """Return the brightness, ignoring alpha: float32 (N, H, W, C) to float32 (N, H, W)."""
    return images[..., :3] @ REC_601.astype(np.float32) if images.shape[-1] >= 3 else images[..., 0]
