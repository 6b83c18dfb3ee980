"""`write_web_page`: a bundle, a page and ONNX Runtime Web, as one folder."""

import os
from importlib.resources import files
from pathlib import Path

from clearsight.bundle.bundle import load
from clearsight.bundle.files import BundleFiles
from clearsight.bundle.spec import SPEC_FILE
from clearsight.bundle.web.page_files import page_files
from clearsight.bundle.web.runtime import PACKAGE, load_web_runtime
from clearsight.errors import BundleError
from clearsight.io.whole_folder import place_folder, temporary_folder

_LICENCE = f"{PACKAGE}/LICENSE.txt"
_MODEL_FORMAT = "onnx"


def write_web_page(bundle: Path, folder: Path, runtime_from: Path | None = None) -> int:
    """Write a bundle as a web page: a folder for any static server, which is still a bundle too.

    Args:
        bundle: a bundle's folder or .zip, with ``model.onnx``.
        folder: a new one; it is written whole or not at all.
        runtime_from: see `load_web_runtime`.

    Returns:
        The folder's size in bytes.

    Raises:
        BundleError: if `folder` exists, the bundle is damaged or of another format, or ONNX Runtime
            Web cannot be found.
        OutputError: if the folder cannot be written.

    Example:
        >>> write_web_page(Path("no such bundle"), Path("page"))
        Traceback (most recent call last):
        ...
        clearsight.errors.BundleError: A bundle should be a folder or a .zip ...
    """
    if os.path.lexists(folder):
        raise BundleError(
            f"The page should be written to a new folder, but {folder} exists: choose another with "
            "--out, or move it away."
        )
    contents = {
        **_bundle_contents(BundleFiles.open(bundle)),
        **page_files("browser"),
        _LICENCE: (files("clearsight.bundle.web") / _LICENCE).read_bytes(),
        # Every server serves .js as JavaScript, as modules require, but not every one .mjs.
        **{
            f"{PACKAGE}/{name.replace('.mjs', '.js')}": content
            for name, content in load_web_runtime(runtime_from).items()
        },
    }
    with temporary_folder(folder) as new:
        (new / PACKAGE).mkdir()
        for name, content in contents.items():
            (new / name).write_bytes(content)
        place_folder(new, folder)
    return sum(map(len, contents.values()))


def _bundle_contents(bundle: BundleFiles) -> dict[str, bytes]:
    spec = bundle.spec
    if spec.format != _MODEL_FORMAT:
        raise BundleError(
            f"A page needs a bundle of the format {_MODEL_FORMAT}, but {bundle.path} has the "
            f"format {spec.format}: export the run without --format."
        )
    load(bundle.path)  # the network is checked before it runs in a browser
    return {**{name: bundle.read(name) for name in spec.files}, SPEC_FILE: spec.to_json().encode()}
