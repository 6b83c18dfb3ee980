"""The page that classifies images, whatever its backend: served, opened, given images, checked."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

import clearsight


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


def serving(folder: Path) -> Iterator[str]:
    """Give the address of a folder for as long as the generator lives."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("filechooser", lambda _: None)  # from the start, so that none is opened for real
    page.goto(url)
    page.wait_for_selector("#choose:enabled")
    return page


def shown_classes(page: Page) -> list[tuple[str, str]]:
    """Return the classes and their probabilities as the page shows them."""
    names = page.locator("#classes .name").all_text_contents()
    return list(zip(names, page.locator("#classes .probability").all_text_contents(), strict=True))


def expected_classes(bundle: clearsight.Bundle, content: bytes) -> list[tuple[str, str]]:
    """Return what the page should show for an image file."""
    (probabilities,) = bundle.predict(content).probabilities
    order = np.argsort(-probabilities)
    return [(bundle.class_names[label], f"{100 * probabilities[label]:.1f}%") for label in order]


def check_several_images(page: Page, bundle: clearsight.Bundle, images: dict[str, bytes]) -> None:
    """Choose images and a text file; each gets its own result, which a click shows."""
    files = [{"name": name, "mimeType": "", "buffer": images[name]} for name in images]
    files.insert(1, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not an image"})
    page.set_input_files("#file", files)  # pyright: ignore[reportArgumentType]
    page.wait_for_selector(f"#progress:text('{len(images)} of {len(files)} classified, 1 could')")
    outcomes = dict(
        zip(
            page.locator("#list .name").all_text_contents(),
            page.locator("#list .outcome").all_text_contents(),
            strict=True,
        )
    )
    best = {name: expected_classes(bundle, content)[0] for name, content in images.items()}
    expected = {name: ", ".join(found) for name, found in best.items()}
    assert outcomes == {**expected, "notes.txt": "Not classified"}
    for name, content in reversed(images.items()):
        page.click(f"#list button:has-text('{name}')")
        page.wait_for_selector(f"#original-caption:has-text('{name}')")
        assert shown_classes(page) == expected_classes(bundle, content)
        assert page.locator("#list [aria-current=true] .name").all_text_contents() == [name]
    page.click("#list button:has-text('notes.txt')")
    assert page.locator("#error").inner_text().startswith(("notes.txt should be", "The image"))
    assert page.locator("#result").is_hidden()
    page.focus("#list li:first-child button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#error", state="hidden")
    page.wait_for_selector("#result:visible")


def check_accessibility(page: Page, width: int, *, is_dark: bool) -> None:
    """Check axe's rules, that nothing is wider than the window, and the theme's background."""
    assert page.evaluate("document.documentElement.scrollWidth") == width
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(21, 24, 27)" if is_dark else "rgb(251, 251, 250)")


def show(page: Page, content: bytes, name: str = "image.png") -> None:
    """Choose an image and wait for its prediction."""
    file = {"name": name, "mimeType": "", "buffer": content}
    page.set_input_files("#file", [file])  # pyright: ignore[reportArgumentType]
    page.wait_for_selector(f"#original-caption:text('{name}')")
    page.wait_for_selector("#result:visible")
