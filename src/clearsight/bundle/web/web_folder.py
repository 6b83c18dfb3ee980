"""`write_web_folder`: a bundle, the page that runs it, and what runs it, as one folder."""

from __future__ import annotations

import os
import tempfile
from importlib.resources import files
from pathlib import Path

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.spec import SPEC_FILE
from clearsight.bundle.web.runtime import PACKAGE, Places, web_runtime
from clearsight.errors import BundleError, OutputError

_RUNTIME_FOLDER = PACKAGE
_LICENCE = "LICENSE.txt"
_PAGE = files("clearsight.bundle.web") / "page"
_NEEDED_FORMAT = "onnx"


def write_web_folder(bundle: Path, folder: Path, runtime_from: Path | None = None) -> int:
    """Write a bundle as a page: a folder for any static server, which is still the bundle too.

    Args:
        bundle: a bundle's folder or .zip, with ``model.onnx``.
        folder: a new one; it is there whole or not at all.
        runtime_from: npm's package of ONNX Runtime Web or a folder with its files; None takes them
            from the cache or fetches them.

    Returns:
        How many bytes the folder holds.

    Raises:
        BundleError: when something is at `folder` already, the bundle is damaged or of another
            format, or ONNX Runtime Web cannot be had.
        OutputError: when the folder cannot be written.

    Example:
        >>> write_web_folder(Path("no such bundle"), Path("page"))
        Traceback (most recent call last):
        ...
        clearsight.errors.BundleError: A bundle should be a folder or a .zip ...
    """
    if os.path.lexists(folder):
        raise BundleError(
            f"The page should go into a new folder, but {folder} is there already: name another "
            "one with --to-web, or move it away."
        )
    contents = {**_of_bundle(BundleFiles.open(bundle)), **_of_page(), **_of_runtime(runtime_from)}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            new = Path(beside) / "page"
            (new / _RUNTIME_FOLDER).mkdir(parents=True)
            for name, content in contents.items():
                with (new / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            new.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{folder} should be written, but cannot be: {error.strerror or error}."
        ) from error
    return sum(map(len, contents.values()))


def _of_bundle(bundle: BundleFiles) -> dict[str, bytes]:
    spec = bundle.spec
    if spec.format != _NEEDED_FORMAT:
        raise BundleError(
            f"A page needs a bundle of the format {_NEEDED_FORMAT}, but {bundle.path} is of the "
            f"format {spec.format}: export the run without --format."
        )
    contents = {name: bundle.read(name) for name in spec.files}
    return {**contents, SPEC_FILE: spec.to_json().encode()}


def _of_page() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in _PAGE.iterdir() if file.is_file()}


def _of_runtime(runtime_from: Path | None) -> dict[str, bytes]:
    """Return ONNX Runtime Web's files under the names that the page asks for.

    A module must be served as JavaScript, which every server does for .js and not all for .mjs.
    """
    contents = web_runtime(Places(named=runtime_from))
    licence = (_PAGE / PACKAGE / _LICENCE).read_bytes()
    named = {name.replace(".mjs", ".js"): content for name, content in contents.items()}
    return {
        f"{_RUNTIME_FOLDER}/{name}": content
        for name, content in {**named, _LICENCE: licence}.items()
    }
