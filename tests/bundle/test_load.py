"""Opening a bundle: what it gives, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

import clearsight
from clearsight.data.imageset import Splits


def test_a_bundle_gives_what_the_run_gives(
    small_run: clearsight.Run, small_bundle: clearsight.Bundle, small_fashion: Splits
) -> None:
    assert small_fashion.test is not None
    images = small_fashion.test.images[:300]  # more than one batch
    expected = small_run.predict(images)
    found = small_bundle.predict(images)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    assert found.names == expected.names
    assert small_bundle.class_names == small_run.class_names


def test_pictures_come_in_every_form(small_bundle: clearsight.Bundle, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    content = io.BytesIO()
    image.save(content, "PNG")
    path = tmp_path / "a.png"
    forms = [path, str(path), content.getvalue(), image, pixels]
    of_all = small_bundle.predict(forms).probabilities
    assert of_all.shape == (5, 10)
    assert np.ptp(of_all, axis=0).max() < 1e-6
    for form in (path, str(path), content.getvalue(), image, pixels[None]):
        alone = small_bundle.predict(form).probabilities
        np.testing.assert_allclose(alone, of_all[:1], atol=1e-6)
