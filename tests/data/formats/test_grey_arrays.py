"""Arrays of colours whose pixels are all grey are read as image files of the same pixels are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits

LABELS = np.arange(24) % 2


def npz(images: np.ndarray, folder: Path) -> Path:
    np.savez(folder / "a.npz", x=images, y=LABELS)
    return folder / "a.npz"


def npz_in_parts(images: np.ndarray, folder: Path) -> Path:
    parts = {"x_train": images[:20], "y_train": LABELS[:20]}
    np.savez(folder / "a.npz", x_test=images[20:], y_test=LABELS[20:], **parts)
    return folder / "a.npz"


def npz_channels_first(images: np.ndarray, folder: Path) -> Path:
    return npz(np.moveaxis(images, -1, 1), folder)


def npz_of_floats(images: np.ndarray, folder: Path) -> Path:
    return npz(images / np.float32(255), folder)


def npy(images: np.ndarray, folder: Path) -> Path:
    np.save(folder / "x.npy", images)
    np.save(folder / "y.npy", LABELS)
    return folder / "x.npy"


def files(images: np.ndarray, folder: Path) -> Path:
    for number, (image, label) in enumerate(zip(images, LABELS, strict=True)):
        path = folder / "set" / f"class {label}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder / "set"


FORMS = (npz, npz_in_parts, npz_channels_first, npz_of_floats, npy, files)


def grey_images() -> np.ndarray:
    """uint8 (24, 12, 10, 3), each with three equal channels."""
    grey = np.random.default_rng(0).integers(0, 256, (24, 12, 10, 1), dtype=np.uint8)
    grey[:, 0, :2, 0] = 0, 255  # so that floats are converted by the range of 8 bits
    return grey.repeat(3, axis=-1)


def decisions(splits: Splits) -> str:
    return " ".join(splits.load_report.decisions)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_channels_are_decided_from_pixels(
    form: Callable[[np.ndarray, Path], Path], tmp_path: Path
) -> None:
    images = grey_images()
    path = str(form(images, tmp_path))
    splits = load_splits(path)
    assert {part.image_shape for part in splits.parts.values()} == {(12, 10, 1)}
    assert "1 channel, as all are grey" in decisions(splits)
    assert "(channels=)" in decisions(splits)
    known = {image[..., 0].tobytes() for image in images}
    found = [image.tobytes() for part in splits.parts.values() for image in part.images]
    assert len(found) == 24
    assert set(found) == known
    asked = load_splits(path, SourceOptions(channels=3))
    assert asked.train.image_shape == (12, 10, 3)
    assert "as all are grey" not in decisions(asked)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_one_pixel_in_colour_is_enough(
    form: Callable[[np.ndarray, Path], Path], tmp_path: Path
) -> None:
    images = grey_images()
    images[-1, -1, -1] = 200, 20, 20
    splits = load_splits(str(form(images, tmp_path)))
    assert splits.train.image_shape == (12, 10, 3)
    assert "as all are grey" not in decisions(splits)
