"""The hands-on section in a real browser: by keyboard and pointer, with the numbers of Keras."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page

import clearsight
from clearsight.models.backend import keras
from clearsight.run.report.report import write_report
from clearsight.run.store.run import Run

NUMBER = r"−?\d+\.\d{4}"


@pytest.fixture(scope="module")
def run(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("by hand") / "run"
    shutil.copytree(digits_run, path)
    run = Run.load(path)
    write_report(run)
    return run


@pytest.fixture
def page(run: Run, browser: Browser) -> Iterator[Page]:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(run.folder.report_path.as_uri())
    yield page
    assert troubles == []
    page.context.close()


def subject(run: Run, page: Page) -> np.ndarray:
    """The image that the section is about, as the network takes it."""
    sentence = page.locator("#by-hand + p").inner_text()
    found = re.search(r"image (\d+) of the test images \(true class (\w+)\)", sentence)
    assert found is not None
    _, test = clearsight.load_data("digits")
    assert test is not None
    index = int(found[1])
    assert test.class_names[test.labels[index]] == found[2]
    return run.preparation.apply(test.images[index : index + 1])


def output_of(run: Run, name: str, images: np.ndarray, activation: Any = None) -> np.ndarray:
    layer = run.model.get_layer(name)
    inputs = keras.Model(run.model.inputs, layer.input)(images)
    if activation is None:
        return keras.ops.convert_to_numpy(layer(inputs))[0]
    return keras.ops.convert_to_numpy(layer.convolution_op(inputs, layer.kernel) + layer.bias)[0]


def numbers(text: str) -> list[float]:
    return [float(number.replace("−", "-")) for number in re.findall(NUMBER, text)]


def position(root: Locator) -> tuple[int, int, int]:
    """Row, column and filter or channel, as the section states them."""
    text = root.locator("[data-where]").inner_text()
    found = re.match(r"(?:filter|channel) (\d+), row (\d+), column (\d+)", text)
    assert found is not None
    return int(found[2]), int(found[3]), int(found[1])


def test_the_convolution_starts_at_a_value_that_relu_changes(run: Run, page: Page) -> None:
    root, images = page.locator("#hands-convolution"), subject(run, page)
    before = output_of(run, "conv2d", images, "none")[position(root)]
    *_, total, output = numbers(root.locator("[data-result]").inner_text())
    assert before < 0
    assert total == pytest.approx(float(before), abs=1e-4)
    assert output == 0


def test_every_position_reached_by_keyboard_or_pointer_is_kerass(run: Run, page: Page) -> None:
    root, images = page.locator("#hands-convolution"), subject(run, page)
    before = output_of(run, "conv2d", images, "none")
    after = output_of(run, "conv2d", images)
    row, column = (root.locator(f"[data-control='{name}']") for name in ("row", "column"))
    choices = root.locator("select option").all_inner_texts()
    seen = set()

    def check() -> None:
        where = position(root)
        text = root.locator("[data-result]").inner_text()
        products, bias, total, output = numbers(text)
        assert total == pytest.approx(float(before[where]), abs=1.5e-4)
        assert output == pytest.approx(float(after[where]), abs=1.5e-4)
        assert products + bias == pytest.approx(total, abs=1.5e-4)
        cells = root.locator(".products td").all_inner_texts()
        terms = [text.replace("−", "-").split(" × ") for text in cells]
        assert sum(float(a) * float(b) for a, b in terms) == pytest.approx(products, abs=0.01)
        seen.add(where)

    row.focus()
    page.keyboard.press("Home")
    check()
    page.keyboard.press("ArrowRight")
    check()
    page.keyboard.press("Tab")
    assert column.evaluate("one => one === document.activeElement")
    page.keyboard.press("End")
    check()
    root.locator("select").select_option(choices[-1])
    check()
    canvas = root.locator("[data-map='output']")
    box = canvas.bounding_box()
    assert box is not None
    size = after.shape[0]
    canvas.click(position={"x": box["width"] * 2.5 / size, "y": box["height"] * 4.5 / size})
    check()
    assert position(root)[:2] == (4, 2)
    canvas = root.locator("[data-map='input']")
    canvas.click(position={"x": box["width"] * 0.99, "y": box["height"] * 0.01})
    check()
    assert position(root)[:2] == (0, size - 1)
    assert len(seen) >= 5


def test_the_pooling_window_moves(run: Run, page: Page) -> None:
    root, images = page.locator("#hands-pooling"), subject(run, page)
    output = output_of(run, "max_pooling2d", images)
    root.locator("[data-control='row']").focus()
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        *values, result = numbers(root.locator("[data-result]").inner_text())
        assert result == max(values) == pytest.approx(float(output[position(root)]), abs=1e-4)
        assert numbers(root.locator(".products").inner_text()) == values
        assert numbers(root.locator(".chosen").first.inner_text()) == [result]
    assert position(root)[0] == output.shape[0] - 1


def test_the_softmax_bars_follow_the_logits(run: Run, page: Page) -> None:
    root, images = page.locator("#hands-softmax"), subject(run, page)
    expected = run.model.predict(images, verbose=0)[0]

    def probabilities() -> np.ndarray:
        return np.array([float(text) for text in root.locator("[data-bar]").all_inner_texts()])

    def logits() -> np.ndarray:
        texts = root.locator("[data-logit]").all_inner_texts()
        return np.array([number for text in texts for number in numbers(text)])

    np.testing.assert_allclose(probabilities(), expected, atol=1e-4)
    first, smallest = logits(), int(expected.argmin())
    slider = root.locator("input").nth(smallest)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert logits()[smallest] == pytest.approx(first[smallest] + 0.1, abs=1e-3)
    page.keyboard.press("End")
    moved = logits()
    assert moved[smallest] > first.max()
    exponentials = np.exp(moved - moved.max())
    np.testing.assert_allclose(probabilities(), exponentials / exponentials.sum(), atol=1e-3)
    widths = root.locator("[data-bar]").evaluate_all(
        "all => all.map(one => parseFloat(getComputedStyle(one, '::before').width))"
    )
    assert int(np.argmax(widths)) == smallest
    root.locator("[data-reset]").click()
    np.testing.assert_allclose(probabilities(), expected, atol=1e-4)


def test_without_scripts_it_is_a_static_example(run: Run, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(run.folder.report_path.as_uri())
    section = page.locator("section[aria-labelledby='by-hand']")
    text = section.inner_text()
    for part in ("products sum to", "ReLU changes it to 0", "The maximum of", "All exp sum to"):
        assert part in text
    assert "slider" not in text
    assert not section.locator("canvas").first.is_visible()
    assert section.locator("input:visible, select:visible, button:visible").count() == 0
    assert section.locator(".softmax tbody tr").count() == 10
    assert page.locator(".architecture svg").is_visible()
    context.close()


def test_the_drawing_fits_a_phone_with_all_of_its_text(run: Run, page: Page) -> None:
    drawing = page.locator(".architecture svg")
    box = drawing.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    ends = drawing.locator("text").evaluate_all(
        "all => all.map(one => one.getBBox().x + one.getBBox().width)"
    )
    assert max(ends) <= 340
    for layer in clearsight.trace(run.model).layers:
        assert layer.name in drawing.inner_html()
