"""The umask of a block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Give this process a umask until the block ends."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
