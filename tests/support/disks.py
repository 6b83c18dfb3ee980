"""Disks without free space."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path


def fill(path: Path) -> None:
    """Write to a file until its disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(path).free == 0
