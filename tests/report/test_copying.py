"""Commands on pages can be copied, by keyboard too, whatever the browser allows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.report.data_page import DataPage, write_data_page
from clearsight.run.report.report import write_report
from clearsight.run.store.run import Run

COMMAND = "clearsight train 'my images' --remove-list 'found & <b>.csv'"


@pytest.fixture(scope="module")
def data_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.arange(4) % 2, ("cat", "dog"))
    path = tmp_path_factory.mktemp("copying") / "page.html"
    write_data_page(DataPage("mine", Splits(images), (), (), 0.1, "found.csv", COMMAND), path)
    return path


@pytest.mark.parametrize("has_clipboard", [True, False])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_command_is_copied_by_keyboard(
    data_page: Path, browser: Browser, has_clipboard: bool, scheme: str
) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    context = browser.new_context(permissions=permissions, color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    page.goto(data_page.as_uri())
    if not has_clipboard:  # as on pages from servers without HTTPS
        page.evaluate("delete Navigator.prototype.clipboard")
    page.get_by_role("button", name="Copy").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".command [role=status]:text-is('Copied')")
    page.evaluate(
        "() => { const field = document.createElement('textarea'); field.id = 'field';"
        " document.body.append(field); field.focus(); }"
    )
    page.keyboard.press("Control+V")
    assert page.locator("#field").input_value() == COMMAND
    page.emulate_media(media="print")
    assert not page.locator(".command button").is_visible()
    context.close()


def test_without_permission_to_copy_the_command_is_selected(
    data_page: Path, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto(data_page.as_uri())
    page.evaluate(
        "() => { delete Navigator.prototype.clipboard; document.execCommand = () => false; }"
    )
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector(".command [role=status]:text-is('Selected: press Ctrl+C')")
    assert page.evaluate("getSelection().toString()") == COMMAND
    page.context.close()


def test_the_page_is_accessible_and_without_scripts_there_is_no_button(
    data_page: Path, browser: Browser
) -> None:
    context = browser.new_context(bypass_csp=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(data_page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()
    context.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(data_page.as_uri())
    assert page.locator("pre").inner_text() == COMMAND
    assert page.locator("button").count() == 0
    context.close()


@pytest.mark.slow
def test_every_command_of_a_report_has_a_button(
    digits_run: Path, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page()
    run = Run.load(shutil.copytree(digits_run, tmp_path / "run"))
    page.goto(write_report(run).as_uri())
    assert page.locator("pre").count() >= 2
    assert page.locator(".command > pre + button").count() == page.locator("pre").count()
    page.context.close()
