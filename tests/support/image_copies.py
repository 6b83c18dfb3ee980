"""Copies of images such as arise by accident."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits


def shift_image(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Shift an image by a pixel; new pixels are black."""
    height, width, _ = image.shape
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    return padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]


def compress(original: np.ndarray, quality: int = 60) -> np.ndarray:
    buffer = io.BytesIO()
    flat = original[..., 0] if original.shape[-1] == 1 else original
    Image.fromarray(flat).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image).reshape(original.shape)


def brighten(image: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(np.rint(image.astype(float) * factor), 0, 255).astype(np.uint8)


COPIES = {
    "shifted down": lambda image: shift_image(image, 1, 0),
    "shifted up": lambda image: shift_image(image, -1, 0),
    "shifted right": lambda image: shift_image(image, 0, 1),
    "shifted left": lambda image: shift_image(image, 0, -1),
    "JPEG": compress,
    "brighter": lambda image: brighten(image, 1.05),
    "darker": lambda image: brighten(image, 0.95),
}


def with_images(images: ImageSet, changed: dict[int, np.ndarray]) -> ImageSet:
    """Return a set with some images replaced: index to uint8 (H, W, C)."""
    pixels = images.images.copy()
    for index, image in changed.items():
        pixels[index] = image
    return replace(images, images=pixels)


def blank_splits(num_train: int = 8, num_test: int = 4, classes: int = 2) -> Splits:
    """Random images, no two alike."""
    generator = np.random.default_rng(7)

    def part(count: int) -> ImageSet:
        images = generator.integers(0, 256, (count, 16, 16, 1), dtype=np.uint8)
        return ImageSet.from_arrays(images, np.arange(count) % classes)

    return Splits(part(num_train), part(num_test))
