"""Showing the progress of decoding images."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MANY = 2_000  # images: fewer take about a second


@contextmanager
def show_decoding(num_images: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, and otherwise one line if there are many images.

    Yields:
        A function to call with the number of images decoded so far.
    """
    from clearsight.io.console import TextConsole

    console = TextConsole(stderr=True)
    if not console.is_terminal:
        if num_images > _MANY:
            console.print(
                f"Decoding {num_images:,} images; cached for the next start.", soft_wrap=True
            )
        yield lambda _: None
        return
    with progress_bar("decoding images", num_images) as show:
        yield show


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr that disappears at the end.

    Args:
        title: shown before the bar.
        total: number of items.

    Yields:
        A function to call with the number of items done so far.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from clearsight.io.console import TextConsole

    bar = Progress(
        TextColumn(title),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=TextConsole(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=total)
        yield lambda num_done: bar.update(task, completed=num_done)
