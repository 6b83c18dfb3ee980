"""In a browser, the page's preparation and network give the same results as Python's."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.pixel_range import PixelRange, range_warning
from clearsight.data.preparation.preparation import Preparation
from support.web_images import jpeg_images, lossless_images, rotated_images

# Reads and prepares files with the page's modules.
PREPARED = """async ([files, preparations]) => {
  const { readImage } = await import("./decoding.js");
  const { fitImage, isOpposite } = await import("./preparation.js");
  const found = [];
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    for (const preparation of preparations) {
      const image = await readImage(new File([bytes], name), preparation);
      const fitted = fitImage(image, preparation);
      found.push([[...fitted], isOpposite(fitted, preparation)]);
    }
  }
  return found;
}"""
FITTED = """async (cases) => {
  const { fitImage, isOpposite } = await import("./preparation.js");
  return cases.map(([width, height, content, preparation, invert]) => {
    const pixels = Uint8ClampedArray.from(atob(content), (letter) => letter.charCodeAt(0));
    const fitted = fitImage({ width, height, pixels }, preparation, invert);
    return [[...fitted], isOpposite(fitted, preparation)];
  });
}"""
PREDICTED = """async (images) => {
  const { openNetwork, readSpec } = await import("./network.js");
  const predict = await openNetwork(await readSpec());
  return [...await predict(Uint8Array.from(images.flat(9)), images.length)];
}"""
PREPARATIONS = (
    Preparation(28, 28, 1, polarity="light-on-dark"),
    Preparation(48, 64, 3, polarity="dark-on-light", resize="crop"),
    Preparation(30, 50, 4, resize="stretch"),
)


@pytest.mark.slow
def test_lossless_images_are_prepared_exactly_alike(
    page: Page, fashion: tuple[ImageSet, ImageSet]
) -> None:
    for name, off in prepared_differences(page, lossless_images(fashion[1])).items():
        # Browsers store colours multiplied by alpha, in 8 bits.
        assert off.max() <= ("alpha" in name), name


def test_jpeg_images_are_prepared_alike_up_to_decoder_differences(
    page: Page, fashion: tuple[ImageSet, ImageSet]
) -> None:
    """Chromium and Pillow upsample a JPEG file's colours differently at sharp edges."""
    check_jpeg_images(page, jpeg_images(fashion[1]))


@pytest.mark.slow
def test_rotated_jpeg_images_are_prepared_alike(page: Page) -> None:
    check_jpeg_images(page, rotated_images())


def check_jpeg_images(page: Page, images: dict[str, bytes]) -> None:
    for name, off in prepared_differences(page, images).items():
        assert off.mean() < 0.5, name
        assert np.quantile(off, 0.99) <= 2, name
        has_whole_colour = name in ("grey", "photograph, no subsampling")
        assert off.max() <= (2 if has_whole_colour else 12), name


def prepared_differences(page: Page, images: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Return the difference between the page and Python, in levels, per pixel of each image."""
    files = [(name, base64.b64encode(content).decode()) for name, content in images.items()]
    described = [preparation.to_json() for preparation in PREPARATIONS]
    found = iter(page.evaluate(PREPARED, [files, described]))
    differences = {}
    for name, content in images.items():
        off = []
        for preparation in PREPARATIONS:
            expected = preparation.read(content).pixels
            pixels, is_opposite = next(found)
            off.append(np.abs(np.array(pixels) - expected.ravel().astype(int)))
            assert is_opposite == preparation.is_opposite(expected)
        differences[name] = np.concatenate(off)
    return differences


RANGES = """async ([content, preparation, name]) => {
  const { readImage } = await import("./decoding.js");
  const { rangeWarning } = await import("./preparation.js");
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  try {
    await readImage(new File([bytes], name), preparation);
  } catch (error) {
    return [error.message, rangeWarning(preparation, name)];
  }
  return [null, rangeWarning(preparation, name)];
}"""


@pytest.mark.parametrize("pixel_range", [None, (0, 65_535), (0, 1), (-3.5, 900)])
def test_deep_images_are_left_to_python_and_warnings_are_alike(
    page: Page, pixel_range: tuple[float, float] | None
) -> None:
    chosen = None if pixel_range is None else PixelRange(*pixel_range)
    described = Preparation(8, 8, 1, pixel_range=chosen).to_json()
    for dtype in (np.uint16, np.uint8):
        buffer = io.BytesIO()
        Image.fromarray(np.zeros((8, 8), dtype)).save(buffer, "PNG")
        content = base64.b64encode(buffer.getvalue()).decode()
        error, warning = page.evaluate(RANGES, [content, described, "a.png"])
        grey = np.zeros((8, 8, 1), np.uint8)
        assert warning == range_warning(grey, chosen, "a.png")
        is_refused = dtype == np.uint16 and pixel_range not in (None, (0, 65_535))
        assert ("use `clearsight predict` for it" in (error or "")) == is_refused


def test_all_sizes_and_alpha_values_are_prepared_exactly_alike(page: Page) -> None:
    generator = np.random.default_rng(11)
    cases, expected = [], []
    for number in range(300):
        width, height = (int(2 ** generator.uniform(0, 8)) for _ in range(2))
        rows, columns = (int(2 ** generator.uniform(0, 6)) for _ in range(2))
        image = generator.integers(0, 256, (height, width, 4), dtype=np.uint8)
        preparation = Preparation(
            rows,
            columns,
            (1, 3, 4)[number % 3],
            polarity=("light-on-dark", "dark-on-light", "mixed")[number % 5 % 3],
            resize=("fit", "crop", "stretch")[number % 7 % 3],
            alpha_background=None if number % 2 else 77,
        )
        invert = number % 4 == 0
        content = base64.b64encode(image.tobytes()).decode()
        cases.append((width, height, content, preparation.to_json(), invert))
        fitted = preparation.fit_image(image, invert=invert)
        expected.append([fitted.ravel().tolist(), preparation.is_opposite(fitted)])
    found = page.evaluate(FITTED, cases)
    assert [number for number in range(300) if found[number] != expected[number]] == []


def test_the_network_gives_the_same_probabilities(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    images = fashion[1].images[:16]
    expected = small_bundle.probabilities(images)
    found = np.reshape(page.evaluate(PREDICTED, images.tolist()), expected.shape)
    assert np.abs(found - expected).max() < 1e-4
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))
