"""Drawn images, checked pixel by pixel."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_data
from clearsight.errors import MissingExtraError
from clearsight.evaluation.curve.context import CurveContext
from clearsight.evaluation.curve.reading import read_curve
from clearsight.report.contact_sheet import write_contact_sheet
from clearsight.report.curves import write_curves
from clearsight.training.history import Epoch

BLUE, ORANGE = (0x1F, 0x6F, 0xB4), (0xD9, 0x5F, 0x02)


def drawn(path: Path, num_epochs: int) -> np.ndarray:
    history = tuple(
        Epoch(
            n,
            1 / n,
            1 - 0.5 / n,
            1 / n + 0.2 * n / num_epochs,
            1 - 0.5 / n - 0.1 * n / num_epochs,
            1.0,
            0.001,
        )
        for n in range(1, num_epochs + 1)
    )
    write_curves(history, read_curve(history, CurveContext(1000, 1000, 16)), "a title", path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def fraction_of(pixels: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(pixels - colour).max(axis=-1) < 12).mean())


@pytest.mark.parametrize("num_epochs", [1, 2, 10, 100])
def test_both_lines_are_drawn_on_white_in_both_panels(tmp_path: Path, num_epochs: int) -> None:
    pixels = drawn(tmp_path / "curves.png", num_epochs)
    assert (pixels[0, 0] == 255).all()
    height, width, _ = pixels.shape
    assert 1200 < width < 3000
    assert 600 < height < 1200
    for panel in (pixels[:, : width // 2], pixels[:, width // 2 :]):
        for colour in (BLUE, ORANGE):
            assert fraction_of(panel, colour) > 0.0003


def test_the_gap_is_shaded(tmp_path: Path) -> None:
    shaded = (0xE9, 0xE9, 0xE9)
    narrow = fraction_of(drawn(tmp_path / "one.png", 1), shaded)
    wide = fraction_of(drawn(tmp_path / "ten.png", 10), shaded)
    assert wide > narrow + 0.02


def test_the_contact_sheet_has_a_row_of_images_per_class(tmp_path: Path) -> None:
    train, _ = load_data("digits")
    write_contact_sheet(train, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        sheet = np.asarray(image.convert("L"))
    first_zero = train.images[np.flatnonzero(train.labels == 0)[0], ..., 0]
    enlarged = np.kron(first_zero, np.ones((7, 7), dtype=np.uint8))
    windows = np.lib.stride_tricks.sliding_window_view(sheet[:62], enlarged.shape)[6]
    assert (windows == enlarged).all(axis=(1, 2)).any()


def test_large_and_uneven_images_fit_on_the_sheet(tmp_path: Path) -> None:
    images = np.full((3, 300, 500, 3), (255, 0, 0), dtype=np.uint8)
    names = ("a class with quite a long name", "b", "never seen")
    write_contact_sheet(ImageSet(images, np.array([0, 1, 1]), names), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        red = (np.asarray(image)[..., 1] == 0).sum()
    assert red >= 3 * 112 * 60


def test_without_altair_the_install_line_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(MissingExtraError, match=r"run pip install 'clearsight\[report\]'"):
        drawn(tmp_path / "curves.png", 3)
    assert list(tmp_path.iterdir()) == []
