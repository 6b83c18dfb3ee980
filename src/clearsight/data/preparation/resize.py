"""Resizing one image to a network's height, width and channels."""

from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from clearsight.data.preparation.polarity import border_pixels

ResizeMethod = Literal["fit", "crop", "stretch"]

_ALPHA_VALUES = 4_000_000  # of an image with alpha that are converted to float at once


def resize_image(
    image: np.ndarray, shape: tuple[int, int, int], method: ResizeMethod
) -> np.ndarray:
    """Resize an image and convert it to grey, RGB or RGB with alpha.

    Args:
        image: uint8 (H, W, C), C is 1, 3 or 4.
        shape: height, width and channels of the result.
        method: "fit" keeps the proportions and pads with the colour of the border, "crop" keeps
            them and cuts off what is over, "stretch" does not keep them.

    Returns:
        uint8 of that shape.
    """
    if image.shape == shape:
        return image
    height, width, channels = shape
    resized = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    resized = resized.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    if resized.size != (width, height):
        if method == "stretch":
            resized = resized.resize((width, height), Image.Resampling.BICUBIC)
        elif method == "crop":
            resized = ImageOps.fit(resized, (width, height), Image.Resampling.BICUBIC)
        else:
            resized = _pad_to(resized, width, height)
    return np.asarray(resized).reshape(shape)


def flatten_alpha(image: np.ndarray, background: int) -> np.ndarray:
    """Draw an image with alpha, uint8 (H, W, 4), on an even grey: uint8 (H, W, 3)."""
    # Some rows at a time: floats of a whole large image would take more than a gigabyte.
    num_rows = max(1, _ALPHA_VALUES // image[0].size)
    flat = np.empty((*image.shape[:2], 3), np.uint8)
    for start in range(0, len(image), num_rows):
        rows = image[start : start + num_rows]
        alpha = rows[..., 3:].astype(np.float32) / 255
        flat[start : start + num_rows] = np.rint(rows[..., :3] * alpha + background * (1 - alpha))
    return flat


def _pad_to(image: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    inner = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    resized = image.resize(inner, Image.Resampling.BICUBIC)
    if inner == (width, height):
        return resized
    pixels = np.asarray(resized).reshape(1, inner[1], inner[0], -1)
    median = np.median(border_pixels(pixels)[0], axis=0).astype(np.uint8).tolist()
    colour = median[0] if len(median) == 1 else tuple(median)
    canvas = Image.new(image.mode, (width, height), colour)
    canvas.paste(resized, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas
