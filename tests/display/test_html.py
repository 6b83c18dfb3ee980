"""Markup for notebooks: whatever comes from elsewhere is text in it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.display.html import Html, element, escaped, file_link, interval_bar, table
from clearsight.errors import RequestError
from clearsight.evaluation.predictions import Predictions
from clearsight.io.displayed_text import displayed
from clearsight.training.history import Epoch, History

HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202e\x1b[31m"


class _Parsed(HTMLParser):
    """The tags and the text of markup; raises for elements that are not closed."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(markup)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "br":
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(max_examples=30)
@given(st.text())
def test_text_is_never_markup(text: str) -> None:
    found = _Parsed(element("p", text, title=text))
    assert found.tags == ["p"]
    assert found.text == displayed(text)
    assert found.attributes == [("title", displayed(text))]


def test_markup_is_escaped_once() -> None:
    assert escaped(Html("<b>1</b>")) == "<b>1</b>"
    assert element("p", element("b", "<")) == "<p><b>&lt;</b></p>"
    assert table(("a",), [("<",)]).count("&lt;") == 1


@pytest.mark.parametrize("name", ["plain", "with space", "<b>", "öß", "a#b?c", "\udcff"])
def test_a_file_in_the_current_folder_is_linked_relatively(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ((_, inside), _), ((_, outside), _) = (
        _Parsed(file_link(folder / name, name)).attributes for folder in (Path(), tmp_path.parent)
    )
    assert inside is not None
    assert "/" not in inside
    assert (outside or "").startswith("file:///")


def test_an_interval_of_no_width_is_drawn() -> None:
    assert "0.0%" in interval_bar(1.0, (1.0, 1.0), (1.0, 1.0))


def _images(count: int, names: tuple[str, ...], channels: int = 1) -> ImageSet:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 6, 5, channels), dtype=np.uint8)
    return ImageSet(pixels, np.arange(count) % len(names), names, HOSTILE, names=(HOSTILE,) * count)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("count", "num_classes"), [(1, 2), (7, 3), (60, 2), (90, 40)])
def test_a_set_shows_as_many_images_of_each_class(
    count: int, num_classes: int, channels: int
) -> None:
    images = _images(count, tuple(f"{HOSTILE}{k}" for k in range(num_classes)), channels)
    found = _Parsed(images._repr_html_())
    num_images = found.tags.count("img")
    assert 1 <= num_images <= 24
    assert ("onerror", "alert(1)") not in found.attributes
    assert displayed(HOSTILE) in found.text
    shown = [value for name, value in found.attributes if name == "src"]
    assert all(value and value.startswith("data:image/png;base64,") for value in shown)
    if count == 60:
        assert num_images == 24
        assert found.text.count(f"{displayed(HOSTILE)}0") == found.text.count(
            f"{displayed(HOSTILE)}1"
        )


def test_splits_show_their_sets() -> None:
    train, test = _images(8, ("a", HOSTILE)), _images(4, ("a", HOSTILE))
    found = Splits(train, test)
    assert repr(found) == "Splits(train 8, test 4 images 6x5x1, 2 classes)"
    text = _Parsed(found._repr_html_()).text
    assert "train8" in text
    assert "test4" in text


@pytest.mark.parametrize("has_images", [True, False])
@pytest.mark.parametrize("count", [1, 24, 25])
def test_predictions_show_images_or_a_table(count: int, has_images: bool) -> None:
    names = ("a", HOSTILE)
    probabilities = np.tile(np.array([[0.25, 0.75]], dtype=np.float32), (count, 1))
    images = _images(count, names).images
    found = Predictions(probabilities, names)
    if has_images:
        found = Predictions.of(images, probabilities, names)
        assert found.images is not None
        assert len(found.images) == min(count, 24)
    parsed = _Parsed(found._repr_html_())
    assert parsed.tags.count("img") == (min(count, 24) if has_images else 0)
    assert f"{displayed(HOSTILE)} 75.0%" in parsed.text
    assert ("The first 24 of 25 images." in parsed.text) == (count == 25)
    assert len(repr(found).splitlines()) == 1
    assert "\x1b" not in repr(found)


def _history(num_epochs: int) -> History:
    return History(
        Epoch(n, 1 / n, 0.5, 1.0, 0.5 + n / 100, 1.5, 0.001) for n in range(1, num_epochs + 1)
    )


def test_a_history_reads_like_kerass() -> None:
    history = _history(3)
    assert history["val_accuracy"] == [0.51, 0.52, 0.53]
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert dict(history) == history.history
    assert history.epoch == [0, 1, 2]
    assert history["epoch"] == [1, 2, 3]
    assert "val_loss" in history
    assert history[0] in history
    assert history[-1].epoch == 3
    assert isinstance(history[:2], History)
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert repr(history) == "History(3 epochs, val_accuracy 0.530, best in epoch 3)"
    assert repr(History()) == "History(no epochs)"
    assert _Parsed(history._repr_html_()).tags.count("tr") == 4
    with pytest.raises(RequestError, match=r"no 'val_acc'\. Did you mean 'val_accuracy'\?"):
        history["val_acc"]
