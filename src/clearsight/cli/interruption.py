"""How a command ends when a signal has interrupted its training."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from clearsight.errors import TrainingInterrupted

EXIT_BY_SIGNAL = 128  # plus the signal's number: 130 for Ctrl-C


@contextmanager
def exit_on_interruption() -> Iterator[None]:
    """Print what was saved, and exit with 128 plus the signal's number."""
    try:
        yield
    except TrainingInterrupted as stop:
        print(stop, file=sys.stderr)
        raise SystemExit(EXIT_BY_SIGNAL + stop.signal_number) from None
