"""`Spectra`: a perceptual hash of pictures that moving them by a pixel hardly changes.

The hash is the square root of the magnitudes of a picture's lowest frequencies. Moving a picture
changes only the phases of its frequencies, apart from what leaves and enters at the border, so that
a copy that was moved, brightened or compressed keeps its hash, and the phases still tell by how
much it was moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.health.joined_images import Images
from clearsight.data.preparation import REC_601

HASH_SIDE = 32  # pixels, the longer side of what is hashed, at most
SMALLEST_SIDE = 8  # pixels; smaller pictures hold too few frequencies to know them by
# Of 3, 5 and 7, seven had the fewest false candidates by far: 0.3 a picture among 20,000 of
# Fashion-MNIST where 95% of the copies moved by a pixel were kept, against 10 with three.
_HIGHEST_FREQUENCY = 7
_FLAT = 2.0  # grey levels; a picture whose standard deviation is less shows nothing to compare
_BLOCK = 4096  # pictures

SHIFTS = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
NOT_MOVED = 4  # the place of (0, 0) in SHIFTS


@dataclass(frozen=True)
class Spectra:
    """The lowest frequencies of some pictures.

    Attributes:
        places: int64 (M,), which pictures; flat ones are left out.
        frequencies: complex64 (M, F), without the mean.
        hashes: float32 (M, F), rows of length 1.
        phases: complex64 (9, F), what each of `SHIFTS` does to the frequencies.
        weights: float32 (F,), how often each frequency stands in the full transform.
    """

    places: np.ndarray
    frequencies: np.ndarray
    hashes: np.ndarray
    phases: np.ndarray
    weights: np.ndarray

    def best_shifts(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tell by how much pictures were moved against others, and how alike they are then.

        Args:
            first: int64 (P,), rows of these spectra.
            second: likewise, the other picture of each pair.

        Returns:
            int64 (P,) rows of `SHIFTS`, and float32 (P,) the correlation of the two at that shift.
        """
        one, other = self.frequencies[first], self.frequencies[second]
        products = one * other.conj() * self.weights
        correlations = np.real(products @ self.phases.T)
        energies = (np.abs(one) ** 2 @ self.weights) * (np.abs(other) ** 2 @ self.weights)
        best = correlations.argmax(axis=1)
        return best, correlations[np.arange(len(best)), best] / np.sqrt(energies)


def spectra_of(images: Images, places: np.ndarray) -> Spectra:
    """Work out the spectra of the pictures at `places`, block by block.

    Args:
        images: uint8 (N, H, W, C), an array or several joined.
        places: int64 (M,), ascending.
    """
    factor = block_factor(images.shape[1:3], HASH_SIDE)
    height, width = (side // factor for side in images.shape[1:3])
    tall, wide = (min(_HIGHEST_FREQUENCY, (side - 1) // 2) for side in (height, width))
    vertical = np.concatenate([np.arange(-tall, 0), np.arange(tall + 1)])
    horizontal = np.arange(wide + 1)
    # The mean says how bright a picture is, not what it shows.
    wanted = ~((vertical[:, None] == 0) & (horizontal == 0))
    kept, blocks = [], []
    for start in range(0, len(places), _BLOCK):
        block = places[start : start + _BLOCK]
        grey = grey_of(shrunk(images[block], factor))
        grey -= grey.mean(axis=(1, 2), keepdims=True)
        shows = grey.std(axis=(1, 2)) >= _FLAT
        transform = np.fft.rfft2(grey[shows], axes=(1, 2))[:, vertical, : wide + 1]
        blocks.append(transform[:, wanted].astype(np.complex64))
        kept.append(block[shows])
    frequencies = np.concatenate(blocks) if blocks else np.empty((0, wanted.sum()), np.complex64)
    hashes = np.sqrt(np.abs(frequencies))
    hashes /= np.maximum(np.linalg.norm(hashes, axis=1, keepdims=True), 1e-9)
    turns = SHIFTS[:, 0, None, None] * vertical[:, None] / height
    turns = turns + SHIFTS[:, 1, None, None] * horizontal / width
    return Spectra(
        places=np.concatenate(kept) if kept else places,
        frequencies=frequencies,
        hashes=hashes,
        phases=np.exp(2j * np.pi * turns)[:, wanted].astype(np.complex64),
        weights=np.broadcast_to(np.where(horizontal == 0, 1.0, 2.0), wanted.shape)[wanted].astype(
            np.float32
        ),
    )


def block_factor(size: tuple[int, ...], most: int) -> int:
    """Return by which whole factor pictures must shrink to have at most `most` rows and columns."""
    return max(1, -(-max(size) // most))


def shrunk(images: np.ndarray, factor: int) -> np.ndarray:
    """Shrink pictures by a whole factor, each pixel the mean of a square of them.

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
