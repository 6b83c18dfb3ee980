"""Serving a page as any static server does, opening it, and giving it an image."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, Page


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


def show(page: Page, content: bytes, name: str = "image.png") -> None:
    """Choose an image and wait for its prediction."""
    file = {"name": name, "mimeType": "", "buffer": content}
    page.set_input_files("#file", [file])  # pyright: ignore[reportArgumentType]
    page.wait_for_selector(f"#original-caption:text('{name}')")
    page.wait_for_selector("#result:visible")
