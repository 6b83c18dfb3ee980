"""`load`: open a bundle, and check that it is what was written."""

from __future__ import annotations

from pathlib import Path

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats import find_format
from clearsight.bundle.loaded import Bundle


def load(path: str | Path, *, num_threads: int | None = None) -> Bundle:
    """Open a bundle: a folder or .zip that `clearsight export` or a training wrote.

    Needs numpy, Pillow and, for the usual format, onnxruntime; neither Keras nor torch.

    Args:
        path: the folder or .zip.
        num_threads: processor threads a prediction may use; None for one a core.

    Raises:
        BundleError: when a file is absent, another than was written, or of another version, or when
            the network takes or gives other shapes than ``bundle.json`` says.
        MissingExtraError: when what runs the network is not installed.

    Example:
        >>> load("no such folder")
        Traceback (most recent call last):
        ...
        clearsight.errors.BundleError: A bundle should be a folder or a .zip ...
    """
    files = BundleFiles.open(Path(path))
    kind = find_format(files.spec.format, str(path))
    files.check_all()
    return Bundle(files, kind.opened(files, num_threads))
