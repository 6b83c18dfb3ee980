"""A bundle to tamper with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import clearsight
from clearsight.bundle.web.web_page import write_web_page
from clearsight.errors import BundleError
from support.web_page import opened, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture
def copied(small_bundle: clearsight.Bundle, tmp_path: Path) -> Path:
    """A copy of the bundle's folder to tamper with."""
    import shutil

    return Path(shutil.copytree(small_bundle.path, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def page_folder(small_bundle: clearsight.Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The web page of the small bundle, its runtime downloaded as for a user's first page."""
    folder = tmp_path_factory.mktemp("web") / "page"
    try:
        write_web_page(small_bundle.path, folder)
    except BundleError as error:
        if "Connect to the internet" not in str(error):
            raise
        pytest.skip(f"ONNX Runtime Web cannot be downloaded: {error}")
    return folder


@pytest.fixture(scope="module")
def served(page_folder: Path) -> Iterator[str]:
    """The page's address on a plain static server."""
    yield from serving(page_folder)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="module")
def page(browser: Browser, served: str) -> Iterator[Page]:
    """The page, ready; shared by tests, because each start compiles the runtime again."""
    context = browser.new_context()
    yield opened(context, served)
    context.close()
