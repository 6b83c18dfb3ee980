"""Image files of every kind that a browser shows, by what is special about each."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from clearsight.data.image_set import ImageSet

_ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the content of an image file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """Return an image file that a viewer turns."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return encoded(image, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))


def lossless_images(fashion: ImageSet) -> dict[str, bytes]:
    """Files whose pixels every decoder agrees on."""
    boot, coat = (Image.fromarray(fashion.images[index][..., 0]) for index in (0, 6))
    photograph = Image.fromarray(load_sample_image("flower.jpg"))
    china = Image.fromarray(load_sample_image("china.jpg"))
    flower, roof = photograph.crop((150, 40, 470, 280)), china.crop((200, 40, 500, 240))
    see_through = flower.convert("RGBA")
    slope = np.linspace(0, 255, flower.width).astype(np.uint8)
    see_through.putalpha(Image.fromarray(np.tile(slope, (flower.height, 1))))
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
        "alpha": encoded(see_through),
        "cut out": encoded(cut_out),
        "palette": encoded(palette),
        "palette with a hole": encoded(palette, transparency=3),
        "black and white": encoded(boot.convert("1")),
        "16 bits": encoded(deep),
        "interlaced GIF": encoded(palette, "GIF"),
        "BMP": encoded(roof, "BMP"),
        "WebP": encoded(roof, "WEBP", lossless=True),
        "gamma said": encoded(roof, pnginfo=_gamma()),
        "turned PNG": turned(roof, 6, "PNG"),
    }


def jpeg_images(fashion: ImageSet) -> dict[str, bytes]:
    """JPEG files, which decoders give within a level or two of each other."""
    boot = Image.fromarray(fashion.images[0][..., 0])
    china = Image.fromarray(load_sample_image("china.jpg"))
    return {
        "grey": encoded(boot.resize((140, 140)), "JPEG", quality=95),
        "photograph": encoded(china, "JPEG", quality=90),
        "photograph, no subsampling": encoded(china, "JPEG", quality=90, subsampling=0),
        "progressive": encoded(china.crop((0, 0, 400, 300)), "JPEG", quality=85, progressive=True),
        "turned": turned(china, 6),
    }


def turned_images() -> dict[str, bytes]:
    """JPEG files in each of EXIF's orientations, large enough to be unpacked at an eighth."""
    large = Image.fromarray(load_sample_image("china.jpg")).resize((1603, 1069))
    return {f"turned {way}": turned(large, way) for way in range(1, 9)}


def _gamma() -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"gAMA", (100_000).to_bytes(4, "big"))  # linear light: a viewer shows other values
    return info
