"""The files of the page that classifies images, for either of its two backends."""

from importlib.resources import files
from typing import Literal

Backend = Literal["browser", "server"]

_FOLDER = files("clearsight.bundle.web") / "page"
_SHARED = ("index.html", "style.css", "icon.svg", "page.js", "list.js", "result.js", "camera.js")
_OF_BACKEND: dict[Backend, tuple[str, ...]] = {
    "browser": (
        "browser.js",
        "network.js",
        "parity.js",
        "decoding.js",
        "frames.js",
        "jpeg.js",
        "preparation.js",
        "resize.js",
    ),
    "server": ("server.js",),
}
_WEBASSEMBLY = {"browser": " 'wasm-unsafe-eval'", "server": ""}


def page_files(backend: Backend) -> dict[str, bytes]:
    """Return the page's files by name: ``index.html`` and what it loads from its own folder.

    Args:
        backend: what classifies: "browser", a bundle's network in the browser, whose files and
            runtime are next to the page; or "server", the HTTP API of `clearsight serve`.
    """
    contents = {name: (_FOLDER / name).read_bytes() for name in _SHARED + _OF_BACKEND[backend]}
    for placeholder, value in (("{{backend}}", backend), ("{{policy}}", page_policy(backend))):
        contents["index.html"] = contents["index.html"].replace(
            placeholder.encode(), value.encode()
        )
    return contents


def page_policy(backend: Backend) -> str:
    """Return the page's Content-Security-Policy: it loads and runs nothing but its own files."""
    return (
        f"default-src 'none'; script-src 'self'{_WEBASSEMBLY[backend]}; connect-src 'self'; "
        "style-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'"
    )
