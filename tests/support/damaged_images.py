"""Image files with the kinds of damage that break decoders."""

from __future__ import annotations

import importlib.util
import io
import random
import struct
import zlib

from PIL import Image, features

_EXTRA_FORMATS = ["AVIF"] if features.check("avif") else []
if importlib.util.find_spec("pillow_heif") is not None:
    importlib.import_module("pillow_heif").register_heif_opener()
    _EXTRA_FORMATS.append("HEIF")
_SIZES = ((1, 1), (28, 28), (37, 53))


def seeds() -> list[bytes]:
    """Return small valid files of every format and of its modes."""
    files = []
    for size in _SIZES:
        grey = Image.effect_noise(size, 90)
        colour = Image.merge("RGB", [grey, grey.rotate(90, expand=False), grey.transpose(0)])
        alpha = colour.copy()
        alpha.putalpha(grey)
        rows = [
            ("PNG", grey, {}), ("PNG", colour, {}), ("PNG", alpha, {}),
            ("PNG", colour.quantize(16), {"transparency": 3}), ("PNG", grey.convert("I;16"), {}),
            ("PNG", grey.convert("1"), {}), ("JPEG", grey, {}), ("JPEG", colour, {}),
            ("JPEG", colour, {"progressive": True}), ("JPEG", colour.convert("CMYK"), {}),
            ("JPEG", colour, {"exif": _exif()}), ("GIF", colour.quantize(16), {}),
            ("GIF", colour, {"save_all": True, "append_images": [alpha]}),
            ("BMP", grey, {}), ("BMP", colour, {}), ("BMP", colour.quantize(16), {}),
            ("WEBP", colour, {}), ("WEBP", alpha, {"lossless": True}),
            ("TIFF", grey, {}), ("TIFF", colour, {"compression": "tiff_lzw"}),
            ("TIFF", colour, {"compression": "jpeg"}), ("TIFF", grey.convert("F"), {}),
            ("TIFF", grey.convert("1"), {"compression": "group4"}), ("TIFF", alpha, {}),
            ("PPM", colour, {}), ("PPM", grey.convert("I;16"), {}),
            ("MPO", colour, {"save_all": True, "append_images": [colour]}),
            *((form, colour, {}) for form in _EXTRA_FORMATS),
        ]  # fmt: skip
        files.append(_png_of_16_bits(size))
        for image_format, image, options in rows:
            file = io.BytesIO()
            image.save(file, image_format, **options)
            files.append(file.getvalue())
    return files


def enormous_png() -> bytes:
    """A small file whose header says 50,000 by 50,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def mutate(files: list[bytes], random_numbers: random.Random) -> bytes:
    """Return one of the files, damaged in one to four ways."""
    content = bytearray(random_numbers.choice(files))
    for _ in range(random_numbers.randint(1, 4)):
        random_numbers.choice(_MUTATIONS)(content, files, random_numbers)
    return bytes(content)


def _flip(content: bytearray, _: list[bytes], numbers: random.Random) -> None:
    for _ in range(numbers.randint(1, 8)):
        if content:
            content[numbers.randrange(len(content))] ^= 1 << numbers.randrange(8)


def _cut(content: bytearray, _: list[bytes], numbers: random.Random) -> None:
    del content[numbers.randint(0, len(content)) :]


def _splice(content: bytearray, files: list[bytes], numbers: random.Random) -> None:
    other = numbers.choice(files)
    start = numbers.randint(0, len(other))
    content[numbers.randint(0, len(content)) :] = other[start:]


def _drop(content: bytearray, _: list[bytes], numbers: random.Random) -> None:
    start = numbers.randint(0, len(content))
    del content[start : start + numbers.randint(1, 64)]


def _repeat(content: bytearray, _: list[bytes], numbers: random.Random) -> None:
    start = numbers.randint(0, len(content))
    content[start:start] = content[start : start + 64] * numbers.randint(1, 16)


def _edit_header(content: bytearray, _: list[bytes], numbers: random.Random) -> None:
    """Write a number that decoders read as a size, an offset or a count."""
    width = numbers.choice((1, 2, 4))
    value = numbers.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
    offset = numbers.randrange(min(96, max(1, len(content) - width)))
    order = numbers.choice(("little", "big"))
    content[offset : offset + width] = (value % (1 << 8 * width)).to_bytes(width, order)


_MUTATIONS = (_flip, _flip, _cut, _splice, _drop, _repeat, _edit_header, _edit_header)


def _png_of_16_bits(size: tuple[int, int]) -> bytes:
    """Return a PNG file of colours with 16 bits, which Pillow does not write."""
    width, height = size
    numbers = random.Random(0)
    rows = b"".join(b"\0" + numbers.randbytes(6 * width) for _ in range(height))
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = (header, b"IDAT" + zlib.compress(rows), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()
