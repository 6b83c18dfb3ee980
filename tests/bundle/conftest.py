"""A bundle to tamper with."""

from __future__ import annotations

from pathlib import Path

import pytest

import clearsight


@pytest.fixture
def copied(small_bundle: clearsight.Bundle, tmp_path: Path) -> Path:
    """A bundle's folder of one's own, to tamper with."""
    import shutil

    return Path(shutil.copytree(small_bundle.path, tmp_path / "bundle"))
