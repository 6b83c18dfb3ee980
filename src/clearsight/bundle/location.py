"""Where a run's bundles lie, known without opening the run."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from clearsight.bundle.files import is_bundle
from clearsight.errors import BundleError

FOLDER = "bundle"


def bundle_place(run: Path, kind: str = "onnx", precision: str = "float32") -> Path:
    """Return where a run's bundle lies unless another place was named.

    Example:
        >>> bundle_place(Path("runs/a")).name, bundle_place(Path("runs/a"), precision="int8").name
        ('bundle', 'bundle-int8')
    """
    words = [kind] * (kind != "onnx") + [precision] * (precision != "float32")
    return run / "-".join([FOLDER, *words])


def existing_bundle(path: Path, kind: str = "onnx", precision: str = "float32") -> Path:
    """Return a bundle's own path, or that of the bundle in a run's folder.

    Raises:
        BundleError: when there is none.
    """
    if is_bundle(path):
        return path
    place = bundle_place(path, kind, precision)
    if is_bundle(place):
        return place
    if os.path.isfile(path / "run.json"):
        options = ["--format", kind] * (kind != "onnx") + ["--int8"] * (precision == "int8")
        raise BundleError(
            f"{path} should have its bundle in {place}, but has none yet: make it with "
            f"{shlex.join(['clearsight', 'export', str(path), *options])}"
        )
    what = "holds neither" if os.path.isdir(path) else "does not exist"
    raise BundleError(
        f"A run's folder or a bundle should be named, but {path} {what}: a run has run.json, a "
        "bundle bundle.json."
    )
