"""The contents of image files, also of forms that Pillow does not write."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, *, depth: int, colour_type: int, extra: bytes = b"") -> bytes:
    """A PNG file written by hand, for the forms that Pillow does not write."""
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = (
        chunk(b"IHDR", header),
        extra,
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(
    pixels: np.ndarray, order: str, *, is_packed: bool = False, has_planes: bool = False
) -> bytes:
    """A TIFF file written by hand, for the forms that Pillow does not write."""
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    values = pixels.astype(f"{order}u{bits // 8}")
    strips = (
        [values[..., c].tobytes() for c in range(channels)] if has_planes else [values.tobytes()]
    )
    strips = [zlib.compress(strip) if is_packed else strip for strip in strips]
    content = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def add(numbers: list[int], kind: str) -> tuple[int, int, int]:
        """Return the type, count and value of a tag, with longer lists put into the file."""
        code = {"H": 3, "I": 4}[kind]
        packed = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        if len(packed) > 4:
            start = len(content)
            content.extend(packed)
            packed = struct.pack(f"{order}I", start)
        return code, len(numbers), int.from_bytes(packed.ljust(4, b"\0"), "big")

    starts = []
    for strip in strips:
        starts.append(len(content))
        content.extend(strip + bytes(len(strip) % 2))
    tags = {
        256: add([width], "H"),
        257: add([height], "H"),
        258: add([bits] * channels, "H"),
        259: add([8 if is_packed else 1], "H"),
        262: add([2 if channels == 3 else 1], "H"),
        273: add(starts, "I"),
        277: add([channels], "H"),
        278: add([height], "H"),
        279: add([len(strip) for strip in strips], "I"),
        284: add([2 if has_planes else 1], "H"),
    }
    content[4:8] = struct.pack(f"{order}I", len(content))
    content += struct.pack(f"{order}H", len(tags))
    for tag, (code, count, value) in tags.items():
        content += struct.pack(f"{order}HHI", tag, code, count) + value.to_bytes(4, "big")
    return bytes(content + bytes(4))
