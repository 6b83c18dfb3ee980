"""The page of `data check`: one self-contained file, safe for hostile names, and small."""

from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.health import CHECKS
from clearsight.data.health.finding import Case, Finding, ImageReference, by_severity
from clearsight.data.health.image_pool import ImagePool
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import BadFile
from clearsight.data.load_report import LoadReport
from clearsight.data.splits.splits import Splits
from clearsight.display.thumbnail import thumbnail
from clearsight.errors import MissingExtraError
from clearsight.report.data_page import DataPage, write_data_page

SCRIPT = "<script>alert('x')</script>"


class Reader(HTMLParser):
    """Collects tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def hostile(size: int = 28, count: int = 60) -> Splits:
    """Noise with duplicates across the parts; names that would run as a script if not escaped."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    names = tuple(f'{SCRIPT}"onerror=alert(1) {number}.png' for number in range(count))
    classes = (SCRIPT, '"><img src=x>')
    train = ImageSet(images, np.arange(count) % 2, classes, names=names)
    test = ImageSet(
        images[: count // 2], np.arange(count // 2) % 2, classes, names=names[: count // 2]
    )
    bad = BadFile(f"{SCRIPT}.jpg", f"{SCRIPT} is cut short.")
    return Splits(
        train,
        test,
        load_report=LoadReport(
            (bad,), {SCRIPT: 2}, (SCRIPT + "2",), notes=(SCRIPT,), num_listed=91
        ),
    )


def page_of(splits: Splits, path: Path, source: str = "images") -> str:
    findings = [one for check in CHECKS.values() for one in check.run(ImagePool(splits))]
    write_data_page(DataPage(source, splits, by_severity(findings), ["Not this."], 1.25), path)
    return path.read_text(encoding="utf-8")


def test_names_are_escaped_everywhere(tmp_path: Path) -> None:
    text = page_of(hostile(), tmp_path / "page.html", source=SCRIPT)
    page = Reader(text)
    assert page.all("script") == [{}], "the page's own"
    policy = next(tag["content"] for tag in page.all("meta") if "http-equiv" in tag)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert re.search(r"; script-src 'sha256-[^']+';", policy)
    assert len(page.all("img")) >= 18, "nine pairs across the parts"
    for image in page.all("img"):
        assert set(image) == {"src", "width", "height", "alt"}
        assert (image["src"] or "").startswith("data:image/")
        assert SCRIPT in (image["alt"] or "")


def test_it_is_one_file_with_headings_and_alternative_texts(tmp_path: Path) -> None:
    text = page_of(hostile(), tmp_path / "page.html")
    page = Reader(text)
    assert page.all("html")[0]["lang"] == "en"
    assert [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")][:3] == ["h1", "h2", "h3"]
    assert page.all("link") == []
    assert re.findall(r"(?:src|href)=\"(?!data:)", text) == []
    assert "prefers-color-scheme: dark" in text
    assert "60 train, 30 test images, 28x28x3" in " ".join(text.split())
    leaks = text.index("Test images that also appear in the training set")
    assert leaks < text.index("Unusable images")
    for words in ("What to do", "Skipped check: Not this.", "Images per class"):
        assert words in text


def test_at_most_nine_examples_and_small_even_for_large_photographs(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    text = page_of(hostile(size=300, count=120), path)
    assert path.stat().st_size < 3_000_000
    for article in text.split("<article")[1:]:
        assert article.split("</article>")[0].count("<li") <= 9


def test_thumbnails_show_the_image(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for shape, kind in (((28, 28, 1), "png"), ((8, 8, 4), "png"), ((300, 200, 3), "jpeg"), ((300, 300, 1), "jpeg"), ((250, 250, 4), "png")):  # fmt: skip  # noqa: E501
        pixels = generator.integers(0, 256, shape, dtype=np.uint8)
        shown_at = thumbnail(pixels)
        data, width, height = shown_at.data, shown_at.width, shown_at.height
        assert data.startswith(f"data:image/{kind};base64,")
        with Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))) as image:
            shown = np.asarray(image)
        assert max(width, height) == 112
        if max(shape) < 112:
            assert np.array_equal(shown.reshape(shape), pixels), "small ones keep their pixels"
        else:
            assert shown.shape[:2] == (height, width)


def test_a_page_without_findings_says_so(tmp_path: Path) -> None:
    splits = Splits(hostile().train)
    write_data_page(DataPage("mine", splits, (), (), 0.1), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "No problems found." in text
    assert 'id="remarks"' not in text


def test_only_fifty_classes_are_listed_and_that_is_stated(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(80))
    images = np.zeros((160, 8, 8, 1), dtype=np.uint8)
    splits = Splits(ImageSet(images, np.arange(160) % 80, names))
    write_data_page(DataPage("mine", splits, (), (), 0.1), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "class 49<" in text
    assert "class 50<" not in text
    assert "30 more classes are not shown" in text


def test_an_unreadable_file_is_listed_without_an_image(tmp_path: Path) -> None:
    finding = Finding(
        "bad-files", "Unusable images", "warning", 1, 9, "One", "Do.",
        (Case((ImageReference("train", -1, "a.jpg"),), "cut short"),),
    )  # fmt: skip
    write_data_page(
        DataPage("mine", Splits(hostile().train), (finding,), (), 0.1), tmp_path / "p.html"
    )
    text = (tmp_path / "p.html").read_text()
    assert "a.jpg" in text
    assert Reader(text).all("img") == []


def test_without_jinja_the_install_line_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"The page needs .* 'clearsight\[report\]'"):
        page_of(hostile(), tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
