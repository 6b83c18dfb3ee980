"""Resizing one image to a network's height, width and channels."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from clearsight.data.preparation.polarity import border_pixels

ResizeMethod = Literal["fit", "crop", "stretch"]

_PIXELS_AT_ONCE = 1_000_000
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # by the number of channels


def resize_image(
    image: np.ndarray,
    shape: tuple[int, int, int],
    method: ResizeMethod,
    to_pixels: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Resize an image and convert it to grey, RGB or RGB with alpha.

    Args:
        image: numbers (H, W, C).
        shape: height, width and channels of the result.
        method: "fit" keeps the proportions and pads with the colour of the border, "crop" keeps
            them and cuts off what is over, "stretch" does not keep them.
        to_pixels: converts some rows of it to uint8 (h, W, 1), (h, W, 3) or (h, W, 4).

    Returns:
        uint8 of that shape.
    """
    height, width, channels = shape
    num_rows = max(_PIXELS_AT_ONCE // image.shape[1], 1)
    if len(image) <= num_rows:
        pixels = to_pixels(image)
        if pixels.shape == shape:
            return pixels
        resized = _to_pillow(pixels, channels)
    else:
        # Some rows at a time: what is made of a whole large image would be in memory several times.
        resized = Image.new(_MODES[channels], (image.shape[1], image.shape[0]))
        for top in range(0, len(image), num_rows):
            strip = _to_pillow(to_pixels(image[top : top + num_rows]), channels)
            resized.paste(strip, (0, top))
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
    alpha = image[..., 3:].astype(np.float32) / 255
    return np.rint(image[..., :3] * alpha + background * (1 - alpha)).astype(np.uint8)


def _to_pillow(pixels: np.ndarray, channels: int) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])


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
