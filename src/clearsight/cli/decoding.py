"""Showing on a terminal how far the decoding of images is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.data.decoding.decode import ShowProgress

_MANY = 2_000  # images: fewer take about a second


def decoding_shown() -> ShowProgress:
    """Return what shows a bar on a terminal, and one line elsewhere when there is much to do."""

    @contextmanager
    def show(num_images: int) -> Iterator[Callable[[int], None]]:
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        if not console.is_terminal:
            if num_images > _MANY:
                console.print(
                    f"Decoding {num_images:,} images; the next start takes them as they are.",
                    soft_wrap=True,
                )
            yield lambda _: None
            return
        done = 0
        with bar_of("decoding images", num_images) as advance:

            def show_done(num_done: int) -> None:
                nonlocal done
                advance(num_done - done)
                done = num_done

            yield show_done

    return show


@contextmanager
def bar_of(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr that goes away in the end; give what moves it on.

    Args:
        what: is being done.
        total: how many there are to do.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn(what),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda num_more: bar.advance(task, num_more)
