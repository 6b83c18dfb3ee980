"""Showing on a terminal how far the decoding of pictures is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.data.decoding.decode import ShowProgress

_MANY = 2_000  # pictures: fewer take about a second


def decoding_shown() -> ShowProgress:
    """Return what shows a bar on a terminal, and one line elsewhere when there is much to do."""

    @contextmanager
    def show(num_pictures: int) -> Iterator[Callable[[int], None]]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True, highlight=False)
        if not console.is_terminal:
            if num_pictures > _MANY:
                console.print(
                    f"Decoding {num_pictures:,} pictures; the next start takes them as they are.",
                    soft_wrap=True,
                )
            yield lambda _: None
            return
        bar = Progress(
            TextColumn("decoding pictures"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        with bar:
            task = bar.add_task("decoding", total=num_pictures)
            yield lambda num_done: bar.update(task, completed=num_done)

    return show
