"""A bundle as a page: in a real browser it prepares and names pictures as Python does."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

import clearsight
from bundle.web_pictures import encoded, jpeg_pictures, lossless_pictures, turned_pictures
from clearsight.bundle.web.runtime import SHA256, Places, web_runtime
from clearsight.bundle.web.web_folder import write_web_folder
from clearsight.data.imageset import ImageSet
from clearsight.data.preparation import Preparation
from clearsight.errors import BundleError
from conftest import Cli, assert_refused

SCRIPT = "<script>alert(1)</script>"
# What a module of the page gives for files, read and prepared in each way.
PREPARED = """async ([files, preparations]) => {
  const { readPicture } = await import("./decoding.js");
  const { fitPicture, isOpposite } = await import("./preparation.js");
  const found = [];
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    for (const preparation of preparations) {
      const picture = await readPicture(new File([bytes], name), preparation);
      const fitted = fitPicture(picture, preparation);
      found.push([[...fitted], isOpposite(fitted, preparation)]);
    }
  }
  return found;
}"""
FITTED = """async (cases) => {
  const { fitPicture, isOpposite } = await import("./preparation.js");
  return cases.map(([width, height, content, preparation, invert]) => {
    const pixels = Uint8ClampedArray.from(atob(content), (letter) => letter.charCodeAt(0));
    const fitted = fitPicture({ width, height, pixels }, preparation, invert);
    return [[...fitted], isOpposite(fitted, preparation)];
  });
}"""
NAMED = """async (pictures) => {
  const { openNetwork, readSpec } = await import("./network.js");
  const probabilities = await openNetwork(await readSpec());
  return [...await probabilities(Uint8Array.from(pictures.flat(9)), pictures.length)];
}"""
PREPARATIONS = (
    Preparation(28, 28, 1, polarity="light-on-dark"),
    Preparation(48, 64, 3, polarity="dark-on-light", resize="crop"),
    Preparation(30, 50, 4, resize="stretch"),
)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture(scope="module")
def page_folder(small_bundle: clearsight.Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small bundle, with what runs it fetched as a user's first page fetches it."""
    folder = tmp_path_factory.mktemp("web") / "page"
    try:
        write_web_folder(small_bundle.path, folder)
    except BundleError as error:
        if "Connect to the internet" not in str(error):
            raise
        pytest.skip(f"there is neither a network nor ONNX Runtime Web: {error}")
    return folder


@pytest.fixture(scope="module")
def served(page_folder: Path) -> Iterator[str]:
    """The page's address on a plain static server."""
    yield from serving(page_folder)


def serving(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="module")
def page(browser: Browser, served: str) -> Iterator[Page]:
    """The page, ready; tests share it, since each start compiles the runtime anew."""
    context = browser.new_context()
    yield opened(context, served)
    context.close()


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("filechooser", lambda _: None)  # from the start, so that none is opened for real
    page.goto(url)
    page.wait_for_selector("#choose:enabled")
    return page


def show(page: Page, content: bytes, name: str = "picture.png") -> None:
    """Choose a picture and wait for its answer."""
    file = {"name": name, "mimeType": "", "buffer": content}
    page.set_input_files("#file", [file])  # pyright: ignore[reportArgumentType]
    page.wait_for_selector(f"#original-caption:text('{name}')")
    page.wait_for_selector("#answer:visible")


def answer(page: Page) -> list[tuple[str, str]]:
    names = page.locator("#classes .name").all_text_contents()
    return list(zip(names, page.locator("#classes .share").all_text_contents(), strict=True))


def expected_answer(bundle: clearsight.Bundle, content: bytes) -> list[tuple[str, str]]:
    (probabilities,) = bundle.predict(content).probabilities
    order = np.argsort(-probabilities)
    return [(bundle.class_names[label], f"{100 * probabilities[label]:.1f}%") for label in order]


def boot_of(fashion: tuple[ImageSet, ImageSet], times: int = 1, *, invert: bool = False) -> bytes:
    pixels = np.kron(fashion[1].images[0][..., 0], np.ones((times, times), np.uint8))
    return encoded(Image.fromarray(255 - pixels if invert else pixels))


def test_the_folder_is_whole_small_and_still_the_bundle(
    page_folder: Path, small_bundle: clearsight.Bundle
) -> None:
    for path in small_bundle.path.iterdir():
        assert (page_folder / path.name).read_bytes() == path.read_bytes()
    images = np.zeros((2, 28, 28, 1), np.uint8)
    again = clearsight.load(page_folder).probabilities(images)
    assert np.array_equal(again, small_bundle.probabilities(images))
    files = [path for path in page_folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"index.html", "page.js", "LICENSE.txt"}
    assert sum(path.stat().st_size for path in files) < 20e6
    assert [path.name for path in page_folder.parent.iterdir()] == ["page"], "nothing left over"


def test_what_is_there_already_is_left_alone(
    page_folder: Path, small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    with pytest.raises(BundleError, match=r"should go into a new folder, but .* is there already"):
        write_web_folder(small_bundle.path, tmp_path)
    assert list(tmp_path.iterdir()) == [kept]


def test_the_command_makes_the_page_and_says_how_to_open_it(
    cli: Cli, small_run: clearsight.Run, small_bundle: clearsight.Bundle, page_folder: Path
) -> None:
    del small_bundle, page_folder  # both have been made, so that nothing is fetched
    export = ("export", str(small_run.path), "--to-web", "my page")
    done = cli(*export, "--runtime-from", str(Places().cache))
    assert done.returncode == 0, done.stderr
    assert "http.server --directory 'my page' --bind 127.0.0.1 8000" in done.stdout
    assert Path("my page/index.html").exists()
    assert_refused(cli(*export), "my page is there already")
    assert_refused(cli(*export, "--check", "--to", "x"), "--to, --check was given: leave it out")
    done = cli("export", "my page", "--to-web", "again", "--json")
    assert json.loads(done.stdout)["page"] == "again", done.stderr


def test_the_runtime_is_the_published_one_or_there_is_none(
    page_folder: Path, small_bundle: clearsight.Bundle, tmp_path: Path
) -> None:
    kept = Places().cache
    assert set(web_runtime(Places(named=kept))) == set(SHA256)
    changed = Path(shutil.copytree(kept, tmp_path / "changed"))
    (changed / "ort.wasm.bundle.min.mjs").write_text("alert(1)")
    other = tmp_path / "other.tgz"
    other.write_bytes(b"no package")
    for named, reason in (
        (changed, "holds another ort.wasm.bundle.min.mjs than was published"),
        (other, "is another package than was published"),
        (tmp_path / "no such.tgz", "does not exist"),
        (tmp_path, "does not hold ort.wasm.bundle.min.mjs"),
    ):
        with pytest.raises(BundleError, match=f"--runtime-from should name .* {reason}"):
            write_web_folder(small_bundle.path, tmp_path / "page", named)
    assert not (tmp_path / "page").exists()


def test_where_there_is_no_network_each_place_is_named(tmp_path: Path) -> None:
    places = Places(cache=tmp_path, npm=None, url="http://127.0.0.1:9/package.tgz")
    with pytest.raises(BundleError) as caught:
        web_runtime(places)
    for words in (str(tmp_path), "npm is not on this machine", places.url, "--runtime-from"):
        assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_pictures_without_loss_are_prepared_to_the_very_pixels(
    page: Page, fashion: tuple[ImageSet, ImageSet]
) -> None:
    for name, off in prepared_differences(page, lossless_pictures(fashion[1])).items():
        # A browser keeps colours multiplied by their alpha, in 8 bits.
        assert off.max() <= ("alpha" in name), name


def test_jpeg_pictures_are_prepared_within_what_decoders_differ(
    page: Page, fashion: tuple[ImageSet, ImageSet]
) -> None:
    """Chromium and Pillow enlarge the colour of a JPEG file differently, at its sharp edges."""
    check_jpeg_pictures(page, jpeg_pictures(fashion[1]))


@pytest.mark.slow
def test_jpeg_pictures_turned_in_any_way_are_prepared_alike(page: Page) -> None:
    check_jpeg_pictures(page, turned_pictures())


def check_jpeg_pictures(page: Page, pictures: dict[str, bytes]) -> None:
    for name, off in prepared_differences(page, pictures).items():
        assert off.mean() < 0.5, name
        assert np.quantile(off, 0.99) <= 2, name
        has_whole_colour = name in ("grey", "photograph, no subsampling")
        assert off.max() <= (2 if has_whole_colour else 12), name


def prepared_differences(page: Page, pictures: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Return by how many levels the page differs from Python in each pixel of each picture."""
    files = [(name, base64.b64encode(content).decode()) for name, content in pictures.items()]
    said = [preparation.to_json() for preparation in PREPARATIONS]
    found = iter(page.evaluate(PREPARED, [files, said]))
    differences = {}
    for name, content in pictures.items():
        off = []
        for preparation in PREPARATIONS:
            expected = preparation.read(content)
            pixels, is_opposite = next(found)
            off.append(np.abs(np.array(pixels) - expected.ravel().astype(int)))
            assert is_opposite == preparation.is_opposite(expected)
        differences[name] = np.concatenate(off)
    return differences


def test_whatever_size_and_alpha_the_preparation_is_pythons(page: Page) -> None:
    generator = np.random.default_rng(11)
    cases, expected = [], []
    for number in range(300):
        width, height = (int(2 ** generator.uniform(0, 8)) for _ in range(2))
        rows, columns = (int(2 ** generator.uniform(0, 6)) for _ in range(2))
        picture = generator.integers(0, 256, (height, width, 4), dtype=np.uint8)
        preparation = Preparation(
            rows,
            columns,
            (1, 3, 4)[number % 3],
            polarity=("light-on-dark", "dark-on-light", "mixed")[number % 5 % 3],
            resize=("fit", "crop", "stretch")[number % 7 % 3],
            alpha_ground=None if number % 2 else 77,
        )
        invert = number % 4 == 0
        content = base64.b64encode(picture.tobytes()).decode()
        cases.append((width, height, content, preparation.to_json(), invert))
        fitted = preparation.fit_picture(picture, invert=invert)
        expected.append([fitted.ravel().tolist(), preparation.is_opposite(fitted)])
    found = page.evaluate(FITTED, cases)
    assert [number for number in range(300) if found[number] != expected[number]] == []


def test_the_network_gives_pythons_probabilities(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    images = fashion[1].images[:16]
    expected = small_bundle.probabilities(images)
    found = np.reshape(page.evaluate(NAMED, images.tolist()), expected.shape)
    assert np.abs(found - expected).max() < 1e-4
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_a_picture_is_named_as_in_python(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    show(page, boot_of(fashion), "boot.png")
    expected = expected_answer(small_bundle, boot_of(fashion))
    assert answer(page) == expected
    assert page.locator("#best").inner_text().startswith(expected[0][0])
    assert "ms to read and prepare" in page.locator("#timing").inner_text()
    assert page.locator("#seen-caption").inner_text().endswith("28\u00a0×\u00a028, grey")
    assert page.locator("#opposite").is_hidden()


def test_a_picture_of_the_other_polarity_is_warned_of_and_can_be_inverted(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    show(page, boot_of(fashion, 5, invert=True), "paper.png")
    assert "has learned from light things on dark ground" in page.locator("#opposite").inner_text()
    page.check("#invert")
    page.wait_for_selector("#opposite", state="hidden")
    assert answer(page) == expected_answer(small_bundle, boot_of(fashion, 5))
    show(page, boot_of(fashion), "next.png")
    assert not page.is_checked("#invert")


def test_a_picture_can_be_dropped_or_photographed(
    page: Page, small_bundle: clearsight.Bundle, fashion: tuple[ImageSet, ImageSet]
) -> None:
    content = boot_of(fashion, 3)
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
    page.wait_for_selector("#answer:visible")
    assert answer(page) == expected_answer(small_bundle, content)
    page.click("#photograph")
    page.click("#take")
    page.wait_for_selector("#original-caption:text('photograph.png')")
    assert not page.locator("#camera").is_visible()


def test_without_a_camera_for_pages_the_telephones_own_is_asked(
    context: BrowserContext, served: str
) -> None:
    page = opened(context, served)
    page.evaluate("delete Navigator.prototype.mediaDevices")
    with page.expect_file_chooser() as chosen:
        page.click("#photograph")
    assert chosen.value.element.get_attribute("capture") == "environment"


def test_what_is_no_picture_is_one_sentence(page: Page, fashion: tuple[ImageSet, ImageSet]) -> None:
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.set_input_files("#file", [file])  # pyright: ignore[reportArgumentType]
    page.wait_for_selector("#trouble:visible")
    said = page.locator("#trouble").inner_text()
    assert said.startswith("notes.txt should be a picture that this browser shows")
    show(page, boot_of(fashion))
    assert page.locator("#trouble").is_hidden()


def test_the_page_checks_itself_against_what_was_trained(
    context: BrowserContext, served: str
) -> None:
    page = opened(context, f"{served}?check")
    page.wait_for_selector("#parity:visible")
    said = page.locator("#parity").inner_text()
    assert said.startswith("64 pictures replayed in this browser: the probabilities differ by ")
    assert said.endswith("the names are the same, and a picture is prepared to the very pixels.")
    assert "problem" not in (page.locator("#parity").get_attribute("class") or "")


def test_hostile_names_are_only_text_and_nothing_foreign_is_loaded_or_run(
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
    troubles: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    context.on("console", lambda message: troubles.append(message.text))
    context.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    for url in serving(folder):
        page = opened(context, url)
        show(page, boot_of(fashion), f"{SCRIPT.replace('/', '')}.png")
        assert {name for name, _ in answer(page)} == set(spec["class_names"])
        assert SCRIPT in page.locator("#about").inner_text()
        assert troubles == []
        assert all(request.startswith((url, "blob:")) for request in requests)
        page.evaluate(
            "() => { const script = document.createElement('script');"
            " script.textContent = 'window.gotIn = true'; document.body.append(script); }"
        )
        assert page.evaluate("window.gotIn") is None
        assert any("Content Security Policy" in trouble for trouble in troubles)


def test_a_folder_that_lacks_the_network_says_so(
    context: BrowserContext, page_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(page_folder, tmp_path / "half"))
    (folder / "model.onnx").unlink()
    for url in serving(folder):
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#trouble:visible")
        assert "model.onnx should lie beside this page" in page.locator("#trouble").inner_text()
        assert page.locator("#choose").is_disabled()


def test_opened_from_a_disk_the_page_says_how_to_serve_it(
    context: BrowserContext, page_folder: Path
) -> None:
    page = context.new_page()
    page.goto((page_folder / "index.html").as_uri())
    page.wait_for_selector("#closed:visible")
    assert "python3 -m http.server" in page.locator("#closed").inner_text()
    assert not page.locator("#work").is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_it_is_accessible_in_both_themes_and_fits_a_phone(
    browser: Browser, served: str, fashion: tuple[ImageSet, ImageSet], scheme: Any, width: int
) -> None:
    viewport: Any = {"width": width, "height": 844}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page = opened(context, served)
    for is_named in (False, True):
        if is_named:
            show(page, boot_of(fashion, 5, invert=True))
        assert page.evaluate("document.documentElement.scrollWidth") == width
        report = Axe().run(page)
        assert report.violations_count == 0, report.generate_report()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(21, 24, 27)" if scheme == "dark" else "rgb(251, 251, 250)")
    context.close()


def test_the_keyboard_gets_everywhere(
    context: BrowserContext, served: str, fashion: tuple[ImageSet, ImageSet]
) -> None:
    page = opened(context, served)
    show(page, boot_of(fashion, 5, invert=True))
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["choose", "photograph", "invert"]
    page.keyboard.press("Space")
    page.wait_for_selector("#opposite", state="hidden")
    page.focus("#choose")
    with page.expect_file_chooser():
        page.keyboard.press("Enter")
