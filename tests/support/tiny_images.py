"""Small sets of images of two classes, equal or skewed, for trainings that take a moment."""

from __future__ import annotations

import numpy as np

from clearsight.data.image_set import ImageSet

SIDE = 16
_NAMES = ("one", "two")


def textures(labels: np.ndarray, generator: np.random.Generator) -> ImageSet:
    """Draw waves of random phase and contrast in noise, downwards or to the right."""
    position = np.arange(SIDE, dtype=np.float64)
    phase = generator.uniform(0, 2 * np.pi, (len(labels), 1, 1))
    contrast = generator.uniform(10, 40, (len(labels), 1, 1))
    waves = contrast * np.sin(position[:, None] + phase)
    waves = np.broadcast_to(waves, (len(labels), SIDE, SIDE))
    turned = np.where(labels[:, None, None] == 0, waves, waves.transpose(0, 2, 1))
    return _image_set(128 + turned + generator.normal(0, 25, turned.shape), labels)


def photographs(labels: np.ndarray, generator: np.random.Generator) -> ImageSet:
    """Cut patches out of two photographs, of a building and of a flower."""
    from sklearn.datasets import load_sample_images

    photos = [photo[::3, ::3] for photo in load_sample_images().images]
    height, width, _ = photos[0].shape
    rows = generator.integers(0, height - SIDE, len(labels))
    columns = generator.integers(0, width - SIDE, len(labels))
    patches = [
        photos[label][row : row + SIDE, column : column + SIDE]
        for label, row, column in zip(labels, rows, columns, strict=True)
    ]
    return _image_set(np.stack(patches), labels)


def noise(labels: np.ndarray, generator: np.random.Generator) -> ImageSet:
    """Draw images that show nothing of their class."""
    return _image_set(generator.integers(0, 256, (len(labels), SIDE, SIDE)), labels)


def skewed_labels(count: int, largest: float, generator: np.random.Generator) -> np.ndarray:
    """Draw the labels of two classes, the second of at least six images: int64 (count,)."""
    num_rare = max(round((1 - largest) * count), 6)
    return generator.permutation(np.repeat([0, 1], [count - num_rare, num_rare]))


def _image_set(images: np.ndarray, labels: np.ndarray) -> ImageSet:
    pixels = np.clip(images, 0, 255).astype(np.uint8).reshape(len(labels), SIDE, SIDE, -1)
    return ImageSet(pixels, labels, _NAMES, "drawn")
