"""Drawn images, checked pixel by pixel."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_data
from clearsight.errors import MissingExtraError
from clearsight.report.contact_sheet import write_contact_sheet
from clearsight.report.curves import write_curves
from clearsight.report.epoch_chart import CurveMarks, EpochChart, SavedWeights
from clearsight.report.value_axis import ValueAxis
from clearsight.training.history import Epoch, History

BLUE, ORANGE = (0x1A, 0x66, 0xA8), (0xB3, 0x47, 0x00)
METRICS = ("accuracy", "loss")
NAN = float("nan")
MARKS = CurveMarks(SavedWeights(1, 0.9, 0.1), 2, 0.1, 2.303)


def learning(num_epochs: int) -> History:
    """Return a history that learns, and overfits at the end."""
    return History(
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


def drawn(path: Path, num_epochs: int) -> np.ndarray:
    write_curves(learning(num_epochs), MARKS, "a title", path)
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


def test_the_captions_give_the_saved_weights_gap_and_the_best_epoch() -> None:
    accuracy, loss = (EpochChart(learning(4), metric, MARKS, 240) for metric in METRICS)
    assert accuracy.captions[1:3] == [
        "Diamond: training accuracy of the saved weights, 0.900; the gap is 10.0 points.",
        "Circled: the best validation accuracy, 0.775 in epoch 4.",
    ]
    assert loss.captions[1] == "Circled: the lowest validation loss, 0.450 in epoch 4."
    negative = EpochChart(learning(1), "accuracy", CurveMarks(SavedWeights(1, 0.3, -0.1)), 240)
    assert negative.captions[1].endswith("0.300; the gap is −10.0 points.")
    assert "lowest" not in " ".join(negative.captions)


@pytest.mark.parametrize("losses", [(2.0, NAN), (NAN, NAN), (2.0, 3e38), (2.0, float("inf"))])
def test_a_diverged_training_is_drawn_and_its_missing_losses_are_counted(
    tmp_path: Path, losses: tuple[float, ...]
) -> None:
    history = History(Epoch(n, loss, 0.1, loss, 0.1, 1, 0.1) for n, loss in enumerate(losses, 1))
    write_curves(history, CurveMarks(None, None, 0.1, 2.303), "diverged", tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        assert (np.asarray(image.convert("RGB"))[..., 0] < 100).any()
    epochs = [n for n, loss in enumerate(losses, 1) if not np.isfinite(loss)]
    sentence = {0: "", 1: "in epoch 2.", 2: "in 2 epochs, first in epoch 1."}[len(epochs)]
    assert EpochChart(history, "loss", CurveMarks(), 240).captions[-1].endswith(sentence)


@pytest.mark.parametrize("num_epochs", [1, 2, 10, 200])
@pytest.mark.parametrize("num_classes", [1, 2, 200])
def test_guessing_is_on_the_axis_and_no_label_covers_another(
    num_epochs: int, num_classes: int
) -> None:
    for metric, guessing in zip(METRICS, (1 / num_classes, math.log(num_classes)), strict=True):
        rows = learning(num_epochs)
        values = [getattr(row, name) for row in rows for name in (metric, f"val_{metric}")]
        axis = ValueAxis.of(values, guessing, 240, math.inf)
        assert axis.values[0] <= min(*values, guessing)
        assert axis.values[-1] >= max(*values, guessing)
        assert len(axis.ticks) >= 2
        heights = [axis.pixel(value) for value in (guessing, *sorted(values)) if value >= guessing]
        assert heights == sorted(heights, reverse=True)
        # Most of the plot is for the curves, however far from guessing they are.
        assert abs(axis.pixel(max(values)) - axis.pixel(min(values))) > 240 / 2.5
        labels = axis.spread([values[-2], values[-1], guessing], 30)
        labels.sort()
        assert min(np.diff(labels)) > 29.9
        assert labels[0] >= 15
        assert labels[-1] <= 225


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
