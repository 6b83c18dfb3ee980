"""A bundle as a web page: in a real browser it prepares and classifies images as Python does."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

import clearsight
from clearsight.bundle.web.web_page import write_web_page
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.read_image import read_image
from clearsight.run.export.int8 import export_int8
from support.web_images import encoded
from support.web_page import (
    check_accessibility,
    check_several_images,
    expected_classes,
    opened,
    serving,
    show,
    shown_classes,
)

SCRIPT = "<script>alert(1)</script>"


def boot_png(fashion: tuple[ImageSet, ImageSet], times: int = 1, *, invert: bool = False) -> bytes:
    pixels = np.kron(fashion[1].images[0][..., 0], np.ones((times, times), np.uint8))
    return encoded(Image.fromarray(255 - pixels if invert else pixels))


def test_an_image_is_classified_as_in_python(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    show(page, boot_png(fashion), "boot.png")
    expected = expected_classes(small_bundle, boot_png(fashion))
    assert shown_classes(page) == expected
    assert page.locator("#best").inner_text().startswith(expected[0][0])
    assert "ms to read and prepare" in page.locator("#timing").inner_text()
    assert page.locator("#input-caption").inner_text().endswith("28\u00a0×\u00a028, grey")
    assert page.locator("#polarity-warning").is_hidden()


def test_inverted_brightness_gives_a_warning_and_can_be_inverted(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    show(page, boot_png(fashion, 5, invert=True), "paper.png")
    assert "was trained on light-on-dark images" in page.locator("#polarity-warning").inner_text()
    page.check("#invert")
    page.wait_for_selector("#polarity-warning", state="hidden")
    assert shown_classes(page) == expected_classes(small_bundle, boot_png(fashion, 5))
    show(page, boot_png(fashion), "next.png")
    assert not page.is_checked("#invert")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_other_frames_than_the_first_are_reported_as_in_python(
    page: Page, fashion: tuple[ImageSet, ImageSet], suffix: str
) -> None:
    first, second = (Image.fromarray(image[..., 0]) for image in fashion[1].images[:2])
    for others in ([second], []):
        name, content = f"boot{len(others)}.{suffix}", io.BytesIO()
        first.save(content, suffix, save_all=True, append_images=others)
        expected = read_image(content.getvalue(), name=name).warnings(name)
        assert len(expected) == len(others)
        show(page, content.getvalue(), name)
        assert page.locator("#file-warnings p").all_text_contents() == list(expected)


def test_an_image_can_be_dropped_or_photographed(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    content = boot_png(fashion, 3)
    page.evaluate(
        """(content) => {
          const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], "dropped.png"));
          document.getElementById("drop").dispatchEvent(
            new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(content).decode(),
    )
    page.wait_for_selector("#original-caption:text('dropped.png')")
    page.wait_for_selector("#result:visible")
    assert shown_classes(page) == expected_classes(small_bundle, content)
    page.click("#photograph")
    page.click("#take")
    page.wait_for_selector("#original-caption:text('photograph.png')")
    assert not page.locator("#camera").is_visible()


def test_without_a_camera_in_the_browser_the_phones_own_app_is_used(
    context: BrowserContext, served: str
) -> None:
    page = opened(context, served)
    page.evaluate("delete Navigator.prototype.mediaDevices")
    with page.expect_file_chooser() as chosen:
        page.click("#photograph")
    assert chosen.value.element.get_attribute("capture") == "environment"


def test_several_images_are_classified_one_by_one(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    images = {f"{n}.png": encoded(Image.fromarray(fashion[1].images[n][..., 0])) for n in range(3)}
    check_several_images(page, small_bundle, images)


def test_a_file_that_is_not_an_image_gives_one_message(
    page: Page, fashion: tuple[ImageSet, ImageSet]
) -> None:
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not an image"}
    page.set_input_files("#file", [file])  # pyright: ignore[reportArgumentType]
    page.wait_for_selector("#error:visible")
    message = page.locator("#error").inner_text()
    assert message.startswith("notes.txt should be an image that this browser can show")
    show(page, boot_png(fashion))
    assert page.locator("#error").is_hidden()


def test_the_page_checks_itself_against_the_trained_network(
    context: BrowserContext, served: str
) -> None:
    page = opened(context, f"{served}?check")
    page.wait_for_selector("#parity:visible")
    result = page.locator("#parity").inner_text()
    assert result.startswith("64 images replayed in this browser: probabilities differ from ")
    assert "all predictions are the same" in result
    assert result.endswith("the image preparation matches exactly.")
    assert "problem" not in (page.locator("#parity").get_attribute("class") or "")


def test_a_page_of_8_bit_integers_checks_itself_too(
    context: BrowserContext, page_folder: Path, small_run: clearsight.Run, tmp_path: Path
) -> None:
    del page_folder  # it has downloaded ONNX Runtime Web
    bundle = export_int8(small_run, tmp_path / "int8", allow_loss=True).path
    write_web_page(bundle, tmp_path / "page")
    for url in serving(tmp_path / "page"):
        page = opened(context, f"{url}?check")
        page.wait_for_selector("#parity:visible")
        assert "all predictions are the same" in page.locator("#parity").inner_text()


def test_hostile_names_are_shown_as_text_and_nothing_else_is_loaded_or_run(
    context: BrowserContext, page_folder: Path, tmp_path: Path, fashion: tuple[ImageSet, ImageSet]
) -> None:
    folder = Path(shutil.copytree(page_folder, tmp_path / "hostile"))
    spec = json.loads((folder / "bundle.json").read_text("utf-8"))
    spec["class_names"] = [
        f"{SCRIPT} {number} <img src=x onerror=alert(2)>" for number in range(10)
    ]
    spec["name"] = spec["provenance"]["source"] = SCRIPT
    (folder / "bundle.json").write_text(json.dumps(spec), "utf-8")
    requests: list[str] = []
    messages: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    context.on("console", lambda message: messages.append(message.text))
    context.on("dialog", lambda dialog: (messages.append(dialog.message), dialog.dismiss()))
    for url in serving(folder):
        page = opened(context, url)
        show(page, boot_png(fashion), f"{SCRIPT.replace('/', '')}.png")
        assert {name for name, _ in shown_classes(page)} == set(spec["class_names"])
        assert SCRIPT in page.locator("#about").inner_text()
        assert messages == []
        assert all(request.startswith((url, "blob:")) for request in requests)
        page.evaluate(
            "() => { const script = document.createElement('script');"
            " script.textContent = 'window.gotIn = true'; document.body.append(script); }"
        )
        assert page.evaluate("window.gotIn") is None
        assert any("Content Security Policy" in message for message in messages)


def test_a_missing_model_file_is_reported(
    context: BrowserContext, page_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(page_folder, tmp_path / "half"))
    (folder / "model.onnx").unlink()
    for url in serving(folder):
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#error:visible")
        assert (
            "model.onnx should be in the folder of this page" in page.locator("#error").inner_text()
        )
        assert page.locator("#choose").is_disabled()


def test_opened_from_a_disk_the_page_says_how_to_serve_it(
    context: BrowserContext, page_folder: Path
) -> None:
    page = context.new_page()
    page.goto((page_folder / "index.html").as_uri())
    page.wait_for_selector("#not-started:visible")
    assert "python3 -m http.server" in page.locator("#not-started").inner_text()
    assert not page.locator("#app").is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_it_is_accessible_in_both_themes_and_fits_a_phone(
    browser: Browser, served: str, fashion: tuple[ImageSet, ImageSet], scheme: Any, width: int
) -> None:
    viewport: Any = {"width": width, "height": 844}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page = opened(context, served)
    for has_result in (False, True):
        if has_result:
            show(page, boot_png(fashion, 5, invert=True))
        check_accessibility(page, width, is_dark=scheme == "dark")
    context.close()


def test_the_keyboard_gets_everywhere(
    context: BrowserContext, served: str, fashion: tuple[ImageSet, ImageSet]
) -> None:
    page = opened(context, served)
    show(page, boot_png(fashion, 5, invert=True))
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["choose", "photograph", "invert"]
    page.keyboard.press("Space")
    page.wait_for_selector("#polarity-warning", state="hidden")
    page.focus("#choose")
    with page.expect_file_chooser():
        page.keyboard.press("Enter")
