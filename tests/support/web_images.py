"""Image files in every format that a browser can show; each name says what is special about it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from clearsight.data.image_set import ImageSet

_ORIENTATION = 0x0112


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    """Return the content of an image file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def rotated(image: Image.Image, orientation: int, file_format: str = "JPEG") -> bytes:
    """Return an image file with an EXIF orientation, which a viewer applies."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return encoded(
        image, file_format, exif=exif, **({"quality": 95} if file_format == "JPEG" else {})
    )


def lossless_images(fashion: ImageSet) -> dict[str, bytes]:
    """Return files that every decoder decodes to the same pixels."""
    boot, coat = (Image.fromarray(fashion.images[index][..., 0]) for index in (0, 6))
    photograph = Image.fromarray(load_sample_image("flower.jpg"))
    china = Image.fromarray(load_sample_image("china.jpg"))
    flower, roof = photograph.crop((150, 40, 470, 280)), china.crop((200, 40, 500, 240))
    translucent = flower.convert("RGBA")
    slope = np.linspace(0, 255, flower.width).astype(np.uint8)
    translucent.putalpha(Image.fromarray(np.tile(slope, (flower.height, 1))))
    cut_out = boot.resize((90, 70)).convert("LA")
    cut_out.putalpha(boot.resize((90, 70)).point(lambda value: 255 if value > 40 else 0))
    palette = flower.convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
    deep = Image.fromarray(np.asarray(coat).astype(np.uint16) * 257)
    return {
        "28 x 28": encoded(boot),
        "larger": encoded(boot.resize((301, 301))),
        "smaller": encoded(boot.resize((13, 13))),
        "wide": encoded(coat.resize((97, 41))),
        "tall": encoded(coat.resize((28, 333))),
        "one pixel high": encoded(boot.resize((200, 1))),
        "photograph": encoded(photograph),
        "photograph, small": encoded(china.resize((64, 43))),
        "alpha": encoded(translucent),
        "cut out": encoded(cut_out),
        "palette": encoded(palette),
        "palette with a transparent colour": encoded(palette, transparency=3),
        "black and white": encoded(boot.convert("1")),
        "16 bits": encoded(deep),
        "interlaced GIF": encoded(palette, "GIF"),
        "BMP": encoded(roof, "BMP"),
        "WebP": encoded(roof, "WEBP", lossless=True),
        "gamma chunk": encoded(roof, pnginfo=_gamma()),
        "rotated PNG": rotated(roof, 6, "PNG"),
    }


def jpeg_images(fashion: ImageSet) -> dict[str, bytes]:
    """Return JPEG files, which decoders decode to within a level or two of each other."""
    boot = Image.fromarray(fashion.images[0][..., 0])
    china = Image.fromarray(load_sample_image("china.jpg"))
    return {
        "grey": encoded(boot.resize((140, 140)), "JPEG", quality=95),
        "photograph": encoded(china, "JPEG", quality=90),
        "photograph, no subsampling": encoded(china, "JPEG", quality=90, subsampling=0),
        "progressive": encoded(china.crop((0, 0, 400, 300)), "JPEG", quality=85, progressive=True),
        "rotated": rotated(china, 6),
    }


def rotated_images() -> dict[str, bytes]:
    """Return a JPEG file for each EXIF orientation, large enough to be decoded at 1/8 scale."""
    large = Image.fromarray(load_sample_image("china.jpg")).resize((1603, 1069))
    return {f"orientation {value}": rotated(large, value) for value in range(1, 9)}


def _gamma() -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"gAMA", (100_000).to_bytes(4, "big"))  # linear light: viewers change the values
    return info
