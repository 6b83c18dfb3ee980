"""Starting Keras within a verb: quickly, and with a word on the terminal meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def keras_started(console: Console) -> Iterator[None]:
    """Show "loading Keras" while it loads and while the block, which needs it, runs."""
    from clearsight.models.fast_start import start_keras_fast

    with console.status("loading Keras"):
        start_keras_fast()
        yield
