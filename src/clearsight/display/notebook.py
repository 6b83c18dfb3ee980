"""Notebooks: whether Python runs in one, and outputs that are updated in place.

IPython is used where it runs already, and never imported by clearsight.
"""

import sys
from collections.abc import Callable
from typing import Any


def notebook_shell() -> Any:
    """Return IPython's shell if it runs in a Jupyter kernel, whose outputs can change; else None.

    A shell of IPython's in a terminal is a terminal.
    """
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell is not None else None
    return shell if hasattr(shell, "kernel") else None


class LiveOutput:
    """One output of the cell that runs, updated in place; for use in a notebook alone."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, markup: str, text: str) -> None:
        """Show HTML, or the plain text where a notebook displays no HTML."""
        data = {"text/html": markup, "text/plain": text}
        if self._handle is None:
            self._handle = sys.modules["IPython"].display.display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def when_cell_shows(value: object, then: Callable[[], None]) -> None:
    """Call a function if the cell that runs ends with `value`, which the notebook then shows."""
    events = notebook_shell().events

    def on_cell_end(result: Any) -> None:
        events.unregister("post_run_cell", on_cell_end)
        if result.result is value:
            then()

    events.register("post_run_cell", on_cell_end)
