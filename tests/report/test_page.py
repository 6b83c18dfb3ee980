"""A run's report in a real browser: a single file, safe with hostile names, accessible."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.load_report import LoadReport
from clearsight.data.splits.splits import Splits
from clearsight.run.store.run import Run

SCRIPT = "<script>alert(1)</script>"
CLASSES = (SCRIPT, '</script><img src=x onerror=alert(2)>"', "{{ 7*7 }} & 'so on'")

# Of each element that scrolls: along which axis, and how many shades its edges have; four for two.
SCROLLING = """() => [...document.querySelectorAll("main *")].flatMap(each => {
  const style = getComputedStyle(each), found = [];
  const shades = style.backgroundImage.split("gradient(").length - 1;
  if (/auto|scroll/.test(style.overflowX) && each.scrollWidth > each.clientWidth) {
    found.push(["x", shades]);
  }
  if (/auto|scroll/.test(style.overflowY) && each.scrollHeight > each.clientHeight) {
    found.push(["y", shades]);
  }
  return found;
})"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small run on images whose names would run as scripts if not escaped."""
    generator = np.random.default_rng(0)
    labels = np.arange(180) % 3
    images = generator.integers(0, 60, (180, 28, 28, 1), dtype=np.uint8)
    images[np.arange(180), 5 + 8 * labels, 8:20] = 255
    labels[::11] = (labels[::11] + 1) % 3  # so that there are mistakes to show
    names = tuple(f"{SCRIPT} {number}.png" for number in range(180))
    groups = tuple(f"{SCRIPT} {number % 4}" for number in range(180))
    everything = ImageSet(images, labels, CLASSES, names=names, groups=groups)
    train, test = everything.take(slice(0, 120)), everything.take(slice(120, 180))
    report = LoadReport(notes=(f"{SCRIPT} was noticed.",), num_listed=180)
    splits = Splits(train, test, load_report=report)
    out = tmp_path_factory.mktemp("hostile") / f"{SCRIPT.replace('/', '')} run"
    return clearsight.train(splits, out=out, epochs=2, recipe="lesson", verbose=False)


@dataclass
class Opened:
    """A page, and what happened while it was loaded."""

    page: Page
    requests: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def opened(browser: Browser, path: Path, **options: Any) -> Opened:
    found = Opened(browser.new_context(**options).new_page())
    page = found.page
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("console", lambda message: found.troubles.append(message.text))
    page.on("pageerror", lambda error: found.troubles.append(str(error)))

    def note(dialog: Any) -> None:
        found.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(path.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_function("document.querySelectorAll('.chart svg').length === 3")
    return found


def test_hostile_names_are_only_text_and_nothing_is_loaded(run: Run, browser: Browser) -> None:
    found = opened(browser, run.folder.report_path)
    assert found.troubles == []
    loaded = [url for url in found.requests if not url.startswith("data:image/")]
    assert loaded == [run.folder.report_path.as_uri()]
    page = found.page
    assert page.locator("script").count() == 4, "two of data, Vega and the page's own"
    assert page.locator(".matrix tbody th").all_text_contents() == list(CLASSES)
    assert f"{SCRIPT} was noticed." in page.locator("main").inner_text()
    alts = page.locator(".gallery img").evaluate_all("all => all.map(image => image.alt)")
    assert len(alts) > 20
    assert any(f"true {CLASSES[1]}" in alt and "confidence" in alt for alt in alts)
    page.context.close()


def test_injected_scripts_are_blocked(run: Run, browser: Browser) -> None:
    found = opened(browser, run.folder.report_path)
    page = found.page
    page.evaluate(
        "() => { const script = document.createElement('script');"
        " script.textContent = 'window.gotIn = true'; document.body.append(script);"
        " const image = new Image(); image.src = 'http://127.0.0.1:9/x.png';"
        " document.body.append(image); }"
    )
    assert page.evaluate("window.gotIn") is None
    assert len(found.troubles) == 2
    assert all("Content Security Policy" in trouble for trouble in found.troubles)
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_it_is_accessible_in_both_themes_and_fits_a_phone(
    run: Run, browser: Browser, scheme: str, width: int
) -> None:
    viewport = {"width": width, "height": 844}
    options = {"viewport": viewport, "color_scheme": scheme, "bypass_csp": True}
    page = opened(browser, run.folder.report_path, **options).page
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate(
        "document.querySelectorAll('.tall, .architecture').forEach(e => e.style.maxHeight = '90px')"
    )
    scrolling = {tuple(each) for each in page.evaluate(SCROLLING)}
    assert ("y", 8) in scrolling
    assert ("x", 4) in scrolling or width > 390
    assert {num_shades for _, num_shades in scrolling} <= {4, 8}, "an edge that shows no more"
    assert width == 390 or "x" not in {axis for axis, _ in scrolling}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    line = page.evaluate(
        "getComputedStyle(document.querySelector('#loss-chart .mark-line path')).stroke"
    )
    dark = scheme == "dark"
    assert paper == ("rgb(21, 24, 27)" if dark else "rgb(251, 251, 250)")
    assert line == ("rgb(125, 184, 238)" if dark else "rgb(26, 102, 168)")
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()
    page.context.close()


def test_keyboard_navigation_works_and_headings_are_in_order(run: Run, browser: Browser) -> None:
    page = opened(browser, run.folder.report_path).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels[:2] == [1, 2]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    targets = page.locator("nav a").evaluate_all("all => all.map(one => one.hash)")
    assert len(targets) == 11
    for target in targets:
        assert page.locator(target).count() == 1
    page.context.close()


def test_hovering_over_a_curve_shows_the_numbers(run: Run, browser: Browser) -> None:
    page = opened(browser, run.folder.report_path).page
    page.locator("#accuracy-chart svg").hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    shown = page.locator("#vg-tooltip-element").inner_text()
    epochs = [f"{epoch.val_accuracy:.4f}" for epoch in run.history]
    assert any(value in shown for value in epochs)
    page.context.close()


def test_the_chart_names_its_lines_and_marks_guessing(run: Run, browser: Browser) -> None:
    page = opened(browser, run.folder.report_path).page
    guessing = run.record.split.val_guessing_accuracy
    drawn = page.locator("#accuracy-chart svg").text_content() or ""
    last = run.history[-1]
    for name, value in (
        ("training", last.accuracy),
        ("validation", last.val_accuracy),
        ("guessing", guessing),
    ):
        assert name in drawn
        assert f"{value:.3f}" in drawn
    gap = f"the gap is {100 * run.results.gap:.1f} points".replace("-", "−")
    assert gap in page.locator("main").inner_text()
    page.context.close()


def test_a_table_that_goes_on_has_a_shadow_at_that_edge(run: Run, browser: Browser) -> None:
    page = opened(browser, run.folder.report_path, viewport={"width": 390, "height": 844}).page
    table = page.get_by_role("region", name="Table of the layers")

    def darkness() -> tuple[float, float]:
        """Return how much darker the left and the right edge are than the card."""
        with Image.open(io.BytesIO(table.screenshot())) as image:
            pixels = np.asarray(image.convert("L")).astype(float)
        return 255 - pixels[:, 1].max(), 255 - pixels[:, -2].max()

    left, right = darkness()
    assert left < 5
    assert right > 20
    table.focus()
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    left, right = darkness()
    assert right < 5
    assert left > 20
    page.context.close()


def test_without_scripts_there_are_an_image_and_the_table(run: Run, browser: Browser) -> None:
    page = opened(browser, run.folder.report_path, java_script_enabled=False).page
    assert page.locator("noscript img").is_visible()
    assert not page.locator("#accuracy-chart").is_visible()
    assert page.get_by_role("button", name="Copy").count() == 0
    rows = page.locator("[aria-label='Table of the epochs'] tbody tr")
    assert rows.count() == 2
    assert f"{run.history[1].val_loss:.4f}" in rows.nth(1).inner_text()
    page.context.close()


def test_it_prints_dark_on_light_in_any_theme(run: Run, browser: Browser) -> None:
    page = opened(browser, run.folder.report_path, color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(31, 35, 40)"
    assert not page.locator("nav").is_visible()
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 3
    page.context.close()


def test_it_refers_to_nothing_outside(run: Run) -> None:
    text = run.folder.report_path.read_text("utf-8")
    without_programs = re.sub("<script>.*?</script>", "", text, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=\"(?!data:|#)", without_programs) == []
    assert "<link" not in without_programs
    assert run.folder.report_path.stat().st_size < 3_000_000
