"""A contact sheet: one row of sample images for every class."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clearsight.data.image_set import ImageSet
from clearsight.io.atomic import write_atomically

NUM_SAMPLES = 12
_CELL = 56  # pixels, the smallest size of an image
_GAP = 6
_FONT_SIZE = 15
_INK, _PAPER = (30, 30, 30), (255, 255, 255)


def write_contact_sheet(images: ImageSet, path: Path) -> None:
    """Draw the first images of every class and write them as PNG, replacing `path` atomically.

    Small images are enlarged by integer factors, so that their pixels stay sharp.
    """
    height, width, _ = images.image_shape
    factor = max(_CELL // max(height, width), 1)
    shrink = max(height, width) > 2 * _CELL
    cell = 2 * _CELL if shrink else factor * max(height, width)
    font = ImageFont.load_default(_FONT_SIZE)
    captions = [
        f"{name} ({count:,})"
        for name, count in zip(images.class_names, images.class_counts, strict=True)
    ]
    label_width = int(max(font.getlength(caption) for caption in captions)) + 3 * _GAP
    sheet = Image.new(
        "RGB",
        (
            label_width + NUM_SAMPLES * (cell + _GAP) + _GAP,
            images.num_classes * (cell + _GAP) + _GAP,
        ),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for row, caption in enumerate(captions):
        top = _GAP + row * (cell + _GAP)
        draw.text((_GAP, top + cell / 2), caption, _INK, font, anchor="lm")
        for column, index in enumerate(np.flatnonzero(images.labels == row)[:NUM_SAMPLES]):
            image = _resize(images.images[index], cell)
            left = label_width + column * (cell + _GAP)
            sheet.paste(image, (left + (cell - image.width) // 2, top))
    with write_atomically(path) as temporary:
        sheet.save(temporary, format="PNG")


def _resize(pixels: np.ndarray, cell: int) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    factor = cell / max(image.size)
    size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
    method = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BICUBIC
    return image.resize(size, method)
