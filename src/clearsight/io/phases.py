"""`Phases`: shows what a program is doing, so that it is never silent for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole

_QUIET_SECONDS = 1.5  # without a terminal: phases that end sooner are not worth a line
_ELAPSED_FROM = 2.0  # seconds; sooner the number says nothing
# What is drawn at the bottom of the terminal, of which a process has one: rich's Live, or nothing.
_drawn: list[Any] = []


@contextmanager
def cleared_line() -> Iterator[None]:
    """Take a phase's line off the terminal while the block prints or draws something else there."""
    live = _drawn[-1] if _drawn else None
    if live is None:
        yield
        return
    live.stop()
    try:
        yield
    finally:
        live.start()


@dataclass
class _Phase:
    """What is being done.

    Attributes:
        title: what, such as "loading Keras".
        total: of how many items; 0 if that is not known.
        done: how many of them are done.
        started: `time.perf_counter` at its start.
    """

    title: str
    total: int = 0
    done: int = 0
    started: float = field(default_factory=time.perf_counter)

    def __str__(self) -> str:
        count = f"  {self.done:,} of {self.total:,}" if self.total else ""
        elapsed = time.perf_counter() - self.started
        return f"{self.title}{count}" + (f"  {elapsed:.0f} s" if elapsed > _ELAPSED_FROM else "")


class Phases:
    """Shows the phase that a program is in, and within it how far it is.

    On a terminal that is one line at the bottom, which disappears at the end; elsewhere, and on a
    terminal that cannot erase, a line once a phase has lasted a moment. Phases may be nested; the
    inner one is shown.

    Args:
        console: where the program prints. If it is no terminal, phases are shown on standard error.

    Example:
        >>> from clearsight.io.console import TextConsole
        >>> phases = Phases(TextConsole(quiet=True))
        >>> with phases.show("loading Keras"):
        ...     pass
    """

    def __init__(self, console: TextConsole) -> None:
        from clearsight.io.console import TextConsole

        is_shown_there = console.is_terminal or console.quiet or console.is_jupyter
        self._console = console if is_shown_there else TextConsole(stderr=True, soft_wrap=True)
        self._running: list[_Phase] = []
        self._quiet_since = 0.0
        self._ended = 0.0

    @contextmanager
    def show(self, title: str, total: int = 0) -> Iterator[Callable[[int | str], None]]:
        """Show a phase until the block ends.

        Args:
            title: what is done, as a participle: "evaluating the test images".
            total: number of items to do, if known.

        Yields:
            A function to call with the number of items done so far, or with another title.
        """
        phase = _Phase(title, total)

        def update(progress: int | str) -> None:
            if isinstance(progress, str):
                phase.title = progress
            else:
                phase.done = progress

        with self._shown(phase):
            yield update

    def counted(self, title: str) -> Callable[[int], Any]:
        """Return a function of a number of items that shows a phase with so many."""
        return lambda total: self.show(title, total)

    @contextmanager
    def _shown(self, phase: _Phase) -> Iterator[None]:
        is_outer = not self._running
        self._running.append(phase)
        try:
            if self._console.quiet or self._console.is_jupyter:
                yield
            elif not self._console.is_interactive:
                with self._line_if_long(phase):
                    yield
            elif is_outer:
                with self._line_at_bottom():
                    yield
            else:
                yield
        finally:
            self._running.pop()

    @contextmanager
    def _line_at_bottom(self) -> Iterator[None]:
        from rich.live import Live
        from rich.spinner import Spinner

        spinner = Spinner("dots")

        def render() -> Any:
            spinner.text = self._console.render_str(str(self._running[-1]))
            return spinner

        with Live(
            get_renderable=render,
            console=self._console,
            transient=True,
            refresh_per_second=10,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            _drawn.append(live)
            try:
                yield
            finally:
                _drawn.remove(live)

    @contextmanager
    def _line_if_long(self, phase: _Phase) -> Iterator[None]:
        now = time.perf_counter()
        if now - self._ended > _QUIET_SECONDS / 10:
            self._quiet_since = now  # something else happened in between, and may have printed
        is_over = threading.Event()

        def print_line() -> None:
            if not is_over.wait(max(self._quiet_since + _QUIET_SECONDS - now, 0)):
                self._quiet_since = time.perf_counter()
                self._console.print(f"{phase} ...")

        thread = threading.Thread(target=print_line, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
            self._ended = time.perf_counter()
