"""Reading real image files of every mode, and bringing them to a network's form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import clearsight
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.data.preparation.polarity import find_polarity
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import read_image
from clearsight.errors import DataError

GREY = Preparation(28, 28, 1, polarity="light-on-dark")
COLOUR = Preparation(32, 32, 3)


@pytest.fixture
def photo() -> Image.Image:
    """An image with a red top left quarter on blue ground, wider than high."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[..., 2] = 255
    pixels[:20, :30] = (255, 0, 0)
    return Image.fromarray(pixels)


MODES = {
    "png": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "jpg": ["1", "L", "RGB", "CMYK"],
    "webp": ["1", "L", "LA", "P", "RGB", "RGBA"],
}


@pytest.mark.parametrize(
    ("ending", "mode"), [(ending, mode) for ending, modes in MODES.items() for mode in modes]
)
def test_every_mode_gives_the_image(tmp_path: Path, ending: str, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    if mode == "I;16":
        Image.fromarray(ramp.astype(np.uint16) * 257).save(tmp_path / "image.png")
    else:
        image = Image.fromarray(ramp).convert(mode, dither=Image.Dither.NONE)
        image.save(tmp_path / f"image.{ending}")
    read = read_image(tmp_path / f"image.{ending}").pixels
    if mode == "I;16":
        read = PixelRange(0, 65_535).to_uint8(read)
    assert read.dtype == np.uint8
    assert read.shape[:2] == (48, 64)
    grey = read[..., :3].mean(axis=(0, 2))
    tolerance = 128 if mode == "1" else 6  # compression, and a CMYK round trip
    assert np.abs(grey - ramp[0]).max() <= tolerance
    assert grey[-1] > grey[0] + 200


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_exif_turns_the_image_upright(tmp_path: Path, photo: Image.Image, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: turn clockwise to see it upright
    photo.save(tmp_path / f"turned.{ending}", exif=exif)
    image = read_image(tmp_path / f"turned.{ending}").pixels
    assert image.shape == (60, 40, 3)
    assert np.abs(image[5, 35].astype(int) - [255, 0, 0]).max() < 20


def test_32_bit_files_of_8_bit_values_stay_as_they_are(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 200, np.int32)).save(tmp_path / "deep.tif")
    assert read_image(tmp_path / "deep.tif").pixels.max() == 200


def test_images_for_training_are_read_as_prediction_reads_them(
    tmp_path: Path, photo: Image.Image
) -> None:
    photo.save(tmp_path / "one.png")
    photo.resize((20, 90)).save(tmp_path / "two.png")
    images = clearsight.read_images(sorted(tmp_path.iterdir()), size=(32, 32))
    assert images.shape == (2, 32, 32, 3)
    assert np.array_equal(images[0], COLOUR.fit_image(read_image(tmp_path / "one.png").pixels))
    with pytest.raises(DataError, match=r"absent\.png should be .* gone\.png should be"):
        clearsight.read_images(["absent.png", "gone.png"], size=(8, 8))
    with pytest.raises(DataError, match="at least one image"):
        clearsight.read_images([], size=(8, 8))


@pytest.mark.parametrize("polarity", ["light-on-dark", "dark-on-light"])
def test_transparent_ground_becomes_the_ground_of_the_training_images(
    tmp_path: Path, polarity
) -> None:
    pixels = np.zeros((28, 28, 4), dtype=np.uint8)
    pixels[10:18, 10:18] = (128, 128, 128, 255)
    Image.fromarray(pixels).save(tmp_path / "cut out.png")
    preparation = Preparation(28, 28, 1, polarity=polarity)
    fitted = preparation.fit_image(read_image(tmp_path / "cut out.png").pixels)
    assert fitted[0, 0, 0] == (0 if polarity == "light-on-dark" else 255)
    assert fitted[14, 14, 0] == 128
    assert not preparation.is_opposite(fitted)


def test_palette_transparency_is_seen(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "palette.png", transparency=0)
    assert read_image(tmp_path / "palette.png").pixels[0, 0].tolist() == [255, 0, 0, 0]


def test_proportions_are_kept_and_the_rest_filled_like_the_border(photo: Image.Image) -> None:
    fitted = COLOUR.fit_image(np.asarray(photo))
    assert fitted.shape == (32, 32, 3)
    assert fitted[0, 16].tolist() == fitted[-1, 16].tolist() == [0, 0, 255]
    red = (fitted[..., 0] > 200).sum()
    assert abs(red / (32 * 32 * (40 / 60)) - 1 / 4) < 0.03


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3, 4]))),
    st.booleans(),
)
def test_any_size_and_mode_fits(image: np.ndarray, invert: bool) -> None:
    for preparation in (GREY, COLOUR):
        fitted = preparation.fit_image(image, invert=invert)
        assert fitted.dtype == np.uint8
        expected = (preparation.height, preparation.width, preparation.channels)
        assert fitted.shape == expected
        x = preparation.apply(fitted[None])
        assert x.dtype == np.float32
        assert 0 <= x.min() <= x.max() <= 1


def test_inverting_turns_light_and_dark_round() -> None:
    image = np.full((28, 28, 1), 200, dtype=np.uint8)
    assert GREY.is_opposite(GREY.fit_image(image))
    inverted = GREY.fit_image(image, invert=True)
    assert inverted[0, 0, 0] == 55
    assert not GREY.is_opposite(inverted)


def test_images_of_the_right_size_are_left_as_they_are(fashion) -> None:
    image = fashion[1].images[0]
    assert np.array_equal(GREY.fit_image(image), image)
    assert find_polarity(fashion[0].images) == "light-on-dark"
    assert find_polarity(255 - fashion[0].images) == "dark-on-light"


def test_preparation_travels_as_json() -> None:
    assert Preparation.from_json(GREY.to_json()) == GREY
    with pytest.raises(DataError, match="should have the entries"):
        Preparation.from_json({"height": 28})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 28, 28, 1), np.float32), "but are float32: pass the pixels as they are"),
        (np.zeros((2, 28, 28), np.uint8), r"without a channel axis: add it with images\[\.\.\., N"),
        (np.zeros((2, 32, 32, 3), np.uint8), r"but have shape \(2, 32, 32, 3\)"),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        GREY.apply(images)


def test_bad_files_get_a_sentence(tmp_path: Path, photo: Image.Image) -> None:
    (tmp_path / "words.png").write_text("no image")
    photo.resize((300, 300)).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    for name, message in (
        ("absent.png", "there is no such file"),
        ("a" * 300 + ".png", "should be an image file"),
        (".", "is a folder"),
        ("words.png", "its content is none of these"),
        ("cut.jpg", "is damaged or cut short"),
    ):
        with pytest.raises(DataError, match=message):
            read_image(tmp_path / name)


def test_an_absurdly_large_image_is_refused(
    tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo.save(tmp_path / "large.png")
    monkeypatch.setattr("clearsight.data.preparation.read_image.MAX_PIXELS", 2000)
    with pytest.raises(DataError, match="should have at most 2,000 pixels, but has 60 x 40"):
        read_image(tmp_path / "large.png")
