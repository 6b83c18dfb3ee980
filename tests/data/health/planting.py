"""Copies of pictures as they come about by accident."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits


def moved(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    """Move a picture by a pixel; what comes in is black."""
    height, width, _ = picture.shape
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)))
    return padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]


def compressed(picture: np.ndarray, quality: int = 60) -> np.ndarray:
    buffer = io.BytesIO()
    flat = picture[..., 0] if picture.shape[-1] == 1 else picture
    Image.fromarray(flat).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image).reshape(picture.shape)


def brightened(picture: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(np.rint(picture.astype(float) * factor), 0, 255).astype(np.uint8)


COPIES = {
    "moved down": lambda picture: moved(picture, 1, 0),
    "moved up": lambda picture: moved(picture, -1, 0),
    "moved right": lambda picture: moved(picture, 0, 1),
    "moved left": lambda picture: moved(picture, 0, -1),
    "JPEG": compressed,
    "brighter": lambda picture: brightened(picture, 1.05),
    "darker": lambda picture: brightened(picture, 0.95),
}


def with_images(images: ImageSet, changed: dict[int, np.ndarray]) -> ImageSet:
    """Return a set with some pictures replaced: place to uint8 (H, W, C)."""
    pixels = images.images.copy()
    for place, picture in changed.items():
        pixels[place] = picture
    return replace(images, images=pixels)


def blank_splits(num_train: int = 8, num_test: int = 4, classes: int = 2) -> Splits:
    """Random pictures, none like another."""
    generator = np.random.default_rng(7)

    def part(count: int) -> ImageSet:
        images = generator.integers(0, 256, (count, 16, 16, 1), dtype=np.uint8)
        return ImageSet.from_arrays(images, np.arange(count) % classes)

    return Splits(part(num_train), part(num_test))
