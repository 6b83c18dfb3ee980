"""The server's page in a real browser: the same page as an exported one, with the API behind it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

import clearsight
from clearsight.bundle.web.page_files import page_files
from support.server_process import Server, assert_error, serving
from support.tampering import change_both
from support.web_images import encoded
from support.web_page import (
    check_accessibility,
    check_several_images,
    expected_classes,
    opened,
    show,
    shown_classes,
)

TOKEN = "open-sesame"
PREDICT = "/v1/models/fashion:predict"


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context()
    yield opened(context, server.url)
    context.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


def test_an_image_is_classified_as_by_the_bundle(
    page: Page, small_bundle: clearsight.Bundle, files: list[bytes]
) -> None:
    show(page, files[0], "boot.png")
    assert shown_classes(page) == expected_classes(small_bundle, files[0])
    results = small_bundle.spec.provenance
    correct = f"{100 * results['test_accuracy']:.1f}% of {results['test_count']} test images"
    assert page.locator("#about").inner_text() == f"fashion: 10 classes, {correct} correct."
    assert "from sending the image" in page.locator("#timing").inner_text()
    assert page.locator("#input-caption").inner_text().endswith("28\u00a0×\u00a028, grey")
    assert page.locator("footer").inner_text().startswith("Images are sent to this server")


def test_the_pixels_shown_are_those_that_the_network_got(
    page: Page, client: httpx.Client, images: np.ndarray, files: list[bytes]
) -> None:
    show(page, files[1], "shirt.png")
    drawn = page.evaluate(
        "() => { const canvas = document.getElementById('input'); return [...canvas"
        ".getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]; }"
    )
    assert np.array_equal(np.reshape(drawn, (28, 28, 4))[..., 0], images[1, ..., 0])
    several = [("image", ("a.png", files[0])), ("image", ("b.png", files[1]))]
    answer = client.post(PREDICT, files=several, params={"input": True})
    assert "single image" in assert_error(answer, 422, "input_not_supported")


def test_several_images_are_classified_one_by_one(
    page: Page, small_bundle: clearsight.Bundle, files: list[bytes]
) -> None:
    check_several_images(page, small_bundle, {f"{n}.png": files[n] for n in range(3)})


def test_inverted_brightness_gives_a_warning_and_can_be_inverted(
    page: Page, small_bundle: clearsight.Bundle, images: np.ndarray
) -> None:
    show(page, encoded(Image.fromarray(255 - images[0, ..., 0])), "paper.png")
    assert "was trained on light-on-dark images" in page.locator("#polarity-warning").inner_text()
    page.check("#invert")
    page.wait_for_selector("#polarity-warning", state="hidden")
    expected = expected_classes(small_bundle, encoded(Image.fromarray(images[0, ..., 0])))
    assert shown_classes(page) == expected


def test_a_format_that_the_browser_cannot_show_is_classified_all_the_same(
    page: Page, small_bundle: clearsight.Bundle, images: np.ndarray
) -> None:
    content = encoded(Image.fromarray(images[0, ..., 0]), "TIFF")
    show(page, content, "boot.tiff")
    assert shown_classes(page) == expected_classes(small_bundle, content)
    caption = page.locator("#original-caption").inner_text()
    assert caption == "boot.tiff, which this browser cannot show"


def test_with_a_token_and_two_models(
    context: BrowserContext, small_bundle: clearsight.Bundle, files: list[bytes], tmp_path: Path
) -> None:
    script = "<script>alert(1)</script>"
    hostile = Path(shutil.copytree(small_bundle.path, tmp_path / "hostile"))
    change_both(hostile, class_names=[script, *"abcdefghi"])
    arguments = (f"one={small_bundle.path}", f"two={hostile}", "--token", TOKEN)
    messages: list[str] = []

    def note(dialog: Any) -> None:
        messages.append(dialog.message)
        dialog.dismiss()

    context.on("dialog", note)
    with serving(*arguments) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector("#token-field:visible")
        assert page.locator("#error").inner_text() == "This server needs a token."
        for token in ("another", TOKEN):
            page.fill("#token", token)
            page.keyboard.press("Enter")
            if token != TOKEN:
                page.wait_for_selector("#error:has-text('not the server')")
        page.wait_for_selector("#choose:enabled")
        assert page.locator("#token-field").is_hidden()
        show(page, files[0])
        assert shown_classes(page) == expected_classes(small_bundle, files[0])
        page.select_option("#model", "two")
        page.wait_for_selector("#classes .name:text('<script>')")
        assert messages == []
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        page.check("#invert")
        page.wait_for_selector("#error:has-text('is it still running?')")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1200)])
def test_it_is_accessible_in_both_themes_and_fits_a_phone(
    browser: Browser, server: Server, files: list[bytes], scheme: Any, width: int
) -> None:
    viewport: Any = {"width": width, "height": 844}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page = opened(context, server.url)
    several = [{"name": f"{n}.png", "mimeType": "", "buffer": files[n]} for n in range(3)]
    page.set_input_files("#file", several)  # pyright: ignore[reportArgumentType]
    page.wait_for_selector("#progress:text('3 of 3 classified.')")
    page.wait_for_selector("#result:visible")
    check_accessibility(page, width, is_dark=scheme == "dark")
    context.close()


def test_both_pages_are_one() -> None:
    browser, server = page_files("browser"), page_files("server")
    shared = set(browser) & set(server)
    assert shared >= {"index.html", "style.css", "page.js", "list.js", "result.js", "camera.js"}
    assert set(server) - shared == {"server.js"}
    for name in shared - {"index.html"}:
        assert browser[name] == server[name]
    changed = server["index.html"].replace(b"server.js", b"browser.js")
    changed = changed.replace(b'data-backend="server"', b'data-backend="browser"')
    changed = changed.replace(b"script-src 'self'", b"script-src 'self' 'wasm-unsafe-eval'")
    assert changed == browser["index.html"]
