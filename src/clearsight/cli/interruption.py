"""How a verb ends when a signal has ended its training."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from clearsight.errors import TrainingInterrupted

EXIT_BY_SIGNAL = 128  # and the signal's number: 130 for Ctrl-C


@contextmanager
def interruption_told() -> Iterator[None]:
    """Say what is kept and leave with 128 and the signal's number."""
    try:
        yield
    except TrainingInterrupted as stop:  # Typer itself would end any KeyboardInterrupt in silence
        print(stop, file=sys.stderr)
        raise typer.Exit(EXIT_BY_SIGNAL + stop.signal_number) from None
