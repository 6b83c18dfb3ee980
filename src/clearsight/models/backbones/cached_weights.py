"""Converted weights in the cache: safetensors files whose names end in their SHA-256."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.cache_folder import ANOTHER_CACHE, cache_folder
from clearsight.io.regular_file import read_regular

if TYPE_CHECKING:
    import numpy as np

# Increased when a conversion or a source changes, so that what an older one wrote is not read.
_VERSION = 1
_MAX_BYTES = 1_000_000_000
_log = logging.getLogger(__name__)


def find_cached(name: str) -> Path | None:
    """Return the file with a backbone's converted weights; None if there is none."""
    pattern = re.compile(rf"{re.escape(_prefix(name))}[0-9a-f]{{64}}\.safetensors")
    try:
        paths = sorted(_folder().iterdir())
    except OSError:
        return None
    return next((path for path in paths if pattern.fullmatch(path.name)), None)


def read_cached(name: str) -> dict[str, np.ndarray] | None:
    """Return a backbone's converted weights by variable path; None if there are no intact ones.

    A damaged file is removed, with a warning.
    """
    import safetensors.numpy

    path = find_cached(name)
    if path is None:
        return None
    try:
        content = read_regular(path, _MAX_BYTES)
    except OSError as error:
        _log.warning("%s cannot be read (%s).", path, error.strerror or error)
        return None
    if path.stem.endswith(hashlib.sha256(content).hexdigest()):
        return safetensors.numpy.load(content)
    _log.warning("%s is damaged, its SHA-256 is not the one in its name: it is replaced.", path)
    path.unlink(missing_ok=True)
    return None


def write_cached(name: str, weights: dict[str, np.ndarray]) -> None:
    """Write a backbone's converted weights; if they cannot be written, that is only a warning."""
    import safetensors.numpy

    content = safetensors.numpy.save(weights)
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        path = _folder() / f"{_prefix(name)}{sha256}.safetensors"
        with write_atomically(path, ANOTHER_CACHE) as temporary:
            temporary.write_bytes(content)
    except OutputError as error:
        _log.warning("The weights of %s will be converted again next time: %s", name, error)


def _folder() -> Path:
    return cache_folder("backbones")


def _prefix(name: str) -> str:
    return f"{name}_{_VERSION}_"
