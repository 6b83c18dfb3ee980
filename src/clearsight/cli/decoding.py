"""Shows the progress of a command that reads many images."""

from collections.abc import Callable
from contextlib import AbstractContextManager


def show_decoding(num_images: int) -> AbstractContextManager[Callable[[int], None]]:
    """Show how many images are decoded; the block gets a function to call with their number."""
    from clearsight.data.decoding.workers import DECODING

    return show_progress(DECODING, num_images)


def show_progress(title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """Show on standard error how many of all items are done.

    Args:
        title: what is done with them.
        total: number of items.
    """
    from clearsight.io.console import TextConsole
    from clearsight.io.phases import Phases

    return Phases(TextConsole(stderr=True)).show(title, total)
