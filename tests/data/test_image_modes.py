"""Files of every kind of pixel come out as a viewer shows them, against values worked out here."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from clearsight.data.preparation.read_image import (
    pillow_to_array,
    read_image,
    read_image_header,
)
from clearsight.errors import DataError
from support.image_content import chunk, png, saved, tiff

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (5, 7, 4), dtype=np.uint8)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP"])
def test_grey(form: str) -> None:
    content = saved(Image.fromarray(GREY), form, **({"lossless": True} if form == "WEBP" else {}))
    image = read_image(content).pixels
    assert np.array_equal(image[..., 0], GREY)
    # WebP knows no grey, and GIF has a palette; all other forms keep it.
    assert image.shape[2] == (3 if form in ("WEBP", "GIF") else 1)
    assert (image == GREY[..., None]).all()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_colour(form: str) -> None:
    content = saved(Image.fromarray(COLOUR), form, **({"lossless": True} if form == "WEBP" else {}))
    assert np.array_equal(read_image(content).pixels, COLOUR)


def test_colour_with_alpha() -> None:
    assert np.array_equal(read_image(saved(Image.fromarray(ALPHA))).pixels, ALPHA)


def test_grey_with_alpha() -> None:
    both = np.dstack([GREY, ALPHA[..., 3]])
    expected = np.dstack([GREY, GREY, GREY, ALPHA[..., 3]])
    assert np.array_equal(read_image(saved(Image.fromarray(both, "LA"))).pixels, expected)


def indexed() -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """An image with a palette, its indices (5, 7) and its palette (6, 3)."""
    indices = RNG.integers(0, 6, (5, 7), dtype=np.uint8)
    palette = RNG.integers(0, 256, (6, 3), dtype=np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    return image, indices, palette


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette(form: str) -> None:
    image, indices, palette = indexed()
    assert np.array_equal(read_image(saved(image, form)).pixels, palette[indices])


def test_palette_with_one_transparent_colour() -> None:
    original, indices, palette = indexed()
    for form in ("PNG", "GIF"):
        image = read_image(saved(original, form, transparency=2)).pixels
        assert np.array_equal(image[..., 3], np.where(indices == 2, 0, 255))
        seen = image[..., 3] == 255
        assert np.array_equal(image[..., :3][seen], palette[indices][seen])


def test_palette_with_an_alpha_for_each_colour() -> None:
    original, indices, palette = indexed()
    alpha = np.array([0, 50, 100, 150, 200, 255], dtype=np.uint8)
    image = read_image(saved(original, transparency=alpha.tobytes())).pixels
    assert np.array_equal(image, np.dstack([palette[indices], alpha[indices]]))


def test_one_colour_of_a_plain_image_may_be_transparent() -> None:
    pixels = COLOUR.copy()
    pixels[0, 0] = (9, 8, 7)
    image = read_image(saved(Image.fromarray(pixels), transparency=(9, 8, 7))).pixels
    assert image[0, 0, 3] == 0
    assert image[4, 6].tolist() == [*pixels[4, 6], 255]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey(form: str) -> None:
    deep = RNG.integers(0, 65_536, (5, 7), dtype=np.uint16)
    assert np.array_equal(read_image(saved(Image.fromarray(deep), form)).pixels[..., 0], deep)


def test_16_bit_colour_in_png_keeps_its_values() -> None:
    deep = RNG.integers(0, 65_536, (5, 7, 3), dtype=np.uint16)
    found = read_image(png(deep.astype(">u2"), depth=16, colour_type=2))
    assert np.array_equal(found.pixels, deep)
    assert found.warnings("it") == ()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("has_planes", [False, True])
def test_16_bit_colour_in_tiff_keeps_its_values(
    order: str, is_packed: bool, has_planes: bool
) -> None:
    deep = RNG.integers(0, 65_536, (5, 7, 3), dtype=np.uint16)
    content = tiff(deep, order, is_packed=is_packed, has_planes=has_planes)
    if has_planes:  # Pillow would return something else, or reduce it
        with pytest.raises(DataError, match="has planes of 16 bits: save it with"):
            read_image(content)
    else:
        assert np.array_equal(read_image(content).pixels, deep)


@pytest.mark.parametrize(("colour_type", "channels"), [(6, (0, 1, 2, 3)), (4, (0, 0, 0, 1))])
def test_16_bit_images_with_alpha_are_reduced_with_a_warning(
    colour_type: int, channels: tuple[int, ...]
) -> None:
    deep = (ALPHA[..., : max(channels) + 1].astype(np.uint16) * 257).astype(">u2")
    found = read_image(png(deep, depth=16, colour_type=colour_type))
    assert np.array_equal(found.pixels, ALPHA[..., channels])
    assert "only the upper 8 were used" in found.warnings("it")[0]


def test_32_bit_integers_in_tiff_have_no_sign_unless_the_file_says_so() -> None:
    deep = RNG.integers(0, 2**32, (5, 7, 1), dtype=np.uint32)
    assert np.array_equal(read_image(tiff(deep, "<")).pixels, deep)


def test_a_tiff_that_pillow_cannot_read_is_not_said_to_be_something_else() -> None:
    with pytest.raises(DataError, match=r"a TIFF file of a kind that cannot be read: save it as"):
        read_image(tiff(RNG.integers(0, 2**32, (5, 7, 3), dtype=np.uint32), "<"))


def test_16_bit_grey_with_a_transparent_value_stays_grey_or_gets_alpha() -> None:
    deep = (GREY.astype(np.uint16) * 257).astype(">u2")
    marked = chunk(b"tRNS", struct.pack(">H", int(deep[0, 0])))
    image = read_image(png(deep, depth=16, colour_type=0, extra=marked)).pixels
    assert np.array_equal(image[..., 0], deep)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_deep_integers_and_floats_in_tiff_keep_their_values(dtype: type) -> None:
    values = (GREY.astype(dtype) - 100) * 1000
    image = read_image(saved(Image.fromarray(values), "TIFF")).pixels
    assert np.array_equal(image[..., 0], values)


def test_floats_that_are_no_numbers_are_bad() -> None:
    broken = np.full((3, 3), np.nan, dtype=np.float32)
    with pytest.raises(DataError, match="finite pixel values, but 9 of 9 are NaN or infinite"):
        read_image(saved(Image.fromarray(broken), "TIFF"))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_1_bit(form: str) -> None:
    original = Image.fromarray(GREY > 127)
    image = read_image(saved(original, form)).pixels
    assert np.array_equal(image[..., 0], np.where(GREY > 127, 255, 0))
    assert image.shape == (5, 7, 1)


def even_colour(mode: str, value: tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (16, 16), value)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk(form: str) -> None:
    # No ink is white, cyan takes away red, and black ink takes away all.
    for ink, expected in (
        ((0, 0, 0, 0), (255, 255, 255)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 0, 0, 255), (0, 0, 0)),
    ):
        image = read_image(saved(even_colour("CMYK", ink), form)).pixels
        assert np.abs(image[8, 8].astype(int) - expected).max() <= 3


def test_cmyk_jpeg_as_adobe_writes_it_is_not_inverted() -> None:
    plain = saved(even_colour("CMYK", (255, 0, 0, 0)), "JPEG", quality=95)
    assert b"Adobe" in plain  # Pillow writes Adobe's mark and, like Adobe, inverted inks
    assert np.abs(read_image(plain).pixels[8, 8].astype(int) - (0, 255, 255)).max() <= 3


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_spaces_in_tiff(mode: str) -> None:
    colour = even_colour("RGB", (200, 40, 60))
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        original = ImageCms.profileToProfile(colour, *profiles, outputMode="LAB")
    else:
        original = colour.convert(mode)
    image = read_image(saved(original, "TIFF")).pixels
    assert np.abs(image[8, 8].astype(int) - (200, 40, 60)).max() <= 4


TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_every_orientation_comes_out_upright(orientation: int, form: str) -> None:
    stored = np.kron(COLOUR, np.ones((8, 8, 1), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {"quality": 100, "subsampling": 0}
    options = options if form in ("WEBP", "JPEG") else {}
    content = saved(Image.fromarray(stored), form, exif=exif, **options)
    expected = TURNS[orientation](stored)
    image = read_image(content).pixels
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= (12 if form == "JPEG" else 0)
    assert read_image_header(content) == (*expected.shape[:2], False)
    assert read_image(content, fit_for=(2, 2)).size == expected.shape[:2]
    assert np.array_equal(pillow_to_array(Image.open(io.BytesIO(content)), "it"), image)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_image(content).pixels.max() == 10


def test_a_header_that_claims_a_gigapixel_is_refused(tmp_path: Path) -> None:
    content = png(np.zeros((1, 1), np.uint8), depth=8, colour_type=2)
    claimed = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    content = content[:8] + chunk(b"IHDR", claimed) + content[33:]
    with pytest.raises(DataError, match="should have at most 50,000,000 pixels, but has far more"):
        read_image(content)


def test_a_image_object_whose_file_is_cut_short_is_bad() -> None:
    noise = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise))
    with pytest.raises(DataError, match=r"Image 3 should be an image file .* is damaged"):
        pillow_to_array(Image.open(io.BytesIO(content[:3000])), "Image 3")


@pytest.mark.parametrize("length", range(0, 40, 3))
def test_damaged_exif_data_do_not_make_a_image_bad(length: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    cut = exif.tobytes()[:length]
    for form in ("PNG", "WEBP"):
        options = {"lossless": True} if form == "WEBP" else {}
        content = saved(Image.fromarray(COLOUR), form, exif=cut, **options)
        image = read_image(content).pixels
        assert np.array_equal(image, COLOUR) or np.array_equal(image, np.rot90(COLOUR, -1))
        assert read_image_header(content) == (*image.shape[:2], False)
