"""What reading an image file leaves out, chooses or doubts is said, and only there."""

from __future__ import annotations

import importlib.util
import io
import random
import warnings

import numpy as np
import pytest
from PIL import Image, features

from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import DataError

COLOUR = Preparation(20, 20, 3)
SEVERAL = "A has several frames or pages, of which only the first was used."
FORMS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
EXTRA_FORMS = ["AVIF"] if features.check("avif") else []
if importlib.util.find_spec("pillow_heif") is not None:
    importlib.import_module("pillow_heif").register_heif_opener()
    EXTRA_FORMS.append("HEIF")
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def warnings_of(content: bytes, preparation: Preparation = COLOUR) -> tuple[str, ...]:
    return preparation.read(content, name="A").warnings


@pytest.mark.parametrize("form", [*FORMS, *EXTRA_FORMS])
def test_an_ordinary_file_gets_no_warning(form: str) -> None:
    assert warnings_of(saved(Image.fromarray(PIXELS), form)) == ()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "TIFF", *EXTRA_FORMS])
def test_frames_and_pages_after_the_first_are_mentioned(form: str) -> None:
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    assert warnings_of(content) == (SEVERAL,)
    assert COLOUR.read(content).pixels.shape == (20, 20, 3)


def test_the_preview_in_a_photograph_is_no_second_image() -> None:
    photograph, preview = Image.fromarray(PIXELS), Image.fromarray(PIXELS[:8, :8])
    content = saved(photograph, "MPO", save_all=True, append_images=[preview])
    assert warnings_of(content) == ()


def test_a_background_is_mentioned_only_where_it_shows() -> None:
    alpha = np.dstack([PIXELS, np.full((24, 20), 255, np.uint8)])
    assert warnings_of(saved(Image.fromarray(alpha), "PNG")) == ()
    alpha[3, 4, 3] = 254
    content = saved(Image.fromarray(alpha), "PNG")
    assert warnings_of(content) == ("A is partly transparent: it was drawn on white.",)
    on_black = Preparation(20, 20, 3, polarity="light-on-dark")
    assert warnings_of(content, on_black) == ("A is partly transparent: it was drawn on black.",)
    on_grey = Preparation(20, 20, 3, alpha_background=128)
    (warning,) = warnings_of(content, on_grey)
    assert warning.endswith("drawn on the grey value 128.")
    assert warnings_of(content, Preparation(20, 20, 4)) == ()


def test_colours_that_a_grey_network_does_not_see_are_mentioned() -> None:
    grey = Preparation(20, 20, 1)
    noisy = np.repeat(PIXELS[..., :1] // 2, 3, axis=-1) + PIXELS % 8  # as compression leaves it
    hidden = np.dstack([PIXELS, np.zeros((24, 20), np.uint8)])
    for pixels in (PIXELS[..., 0], np.repeat(PIXELS[..., :1], 3, axis=-1), noisy):
        assert warnings_of(saved(Image.fromarray(pixels), "PNG"), grey) == ()
    assert "colour" not in " ".join(warnings_of(saved(Image.fromarray(hidden), "PNG"), grey))
    expected = (
        "A is in colour, but the network was trained on grey images: only its brightness was used."
    )
    for form in ("PNG", "JPEG"):
        assert warnings_of(saved(Image.fromarray(PIXELS), form), grey) == (expected,)
    one_pixel = noisy.copy()
    one_pixel[-1, -1] = (200, 20, 20)
    assert warnings_of(saved(Image.fromarray(one_pixel), "PNG"), grey) == (expected,)
    deep = grey.prepare(PIXELS.astype(np.uint16) * 257, "A").warnings
    assert expected in deep
    assert warnings_of(saved(Image.fromarray(PIXELS[..., 0]), "PNG"), COLOUR) == ()


def test_a_page_that_libtiff_decodes_in_part_may_be_damaged(capfd: pytest.CaptureFixture) -> None:
    """Pillow returns such an image as if it were whole."""
    content = bytearray(saved(Image.fromarray(PIXELS).convert("1"), "TIFF", compression="group4"))
    content[14] ^= 0xFF
    (warning,) = warnings_of(bytes(content))
    assert warning.startswith("A may be damaged: Bad code word at line")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("form", [*FORMS, *EXTRA_FORMS])
def test_damage_never_makes_libraries_write_to_the_terminal(
    form: str, capfd: pytest.CaptureFixture
) -> None:
    compressions = ["tiff_deflate", "tiff_lzw", "jpeg", "group4", "packbits", None]
    chance, messages = random.Random(0), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(120):
            compression = chance.choice(compressions) if form == "TIFF" else None
            image = Image.fromarray(PIXELS).convert("1" if compression == "group4" else "RGB")
            options = {"compression": compression} if compression else {}
            if form in ("JPEG", "PNG", "WEBP"):
                options["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\1" * 40
            content = bytearray(saved(image, form, **options))
            for _ in range(chance.randint(1, 6)):
                content[chance.randrange(len(content))] = chance.randrange(256)
            end = chance.randrange(len(content)) if chance.random() < 0.3 else len(content)
            try:
                COLOUR.read(bytes(content[:end]) or b"x")
            except DataError as error:
                messages.append(str(error))
    assert messages
    assert not any("\n" in message for message in messages)
    assert capfd.readouterr() == ("", "")
