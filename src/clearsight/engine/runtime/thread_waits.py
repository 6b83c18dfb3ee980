"""`ThreadWaits`: how long threads spin while they wait for each other, adapted to other processes.

On an idle machine, threads that spin for some milliseconds are fastest; where other processes need
the cores, threads that sleep at once are. Which is faster now is measured on the steps.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from clearsight.engine.runtime.idle_threads import IdleThreads, can_shorten_waits

Waits = Literal["long", "short"]

_WINDOW_SECONDS = 0.2
# Threads that spin use all their cores' time if no other process does.
_UNDISTURBED_FRACTION = 0.85
# The other waits are kept if a step takes less than this fraction of the time.
_GAIN = 0.95
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 2.0, 30.0


@dataclass(frozen=True)
class Clocks:
    """What is measured: elapsed seconds, and processor seconds of all threads of this process."""

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.process_time


class ThreadWaits:
    """Chooses how torch's threads wait, while a loop over batches runs.

    Waits are long, torch's default, until the threads get less than their cores' time for a while.
    Then short ones are tried, and kept if steps are faster; after that, long ones are tried from
    time to time. The number of threads, and so every number that is computed, stays the same.

    Args:
        clocks: to measure with.

    Attributes:
        waits: the current ones.
    """

    def __init__(self, clocks: Clocks | None = None) -> None:
        self.waits: Waits = "long"
        self._clocks = clocks or Clocks()
        self._loop: tuple[int, str] | None = None  # its thread, and its steps' name
        self._threads: IdleThreads | None = None
        self._step_seconds_before: float | None = None  # with the other waits, in a trial
        self._pause = _FIRST_PAUSE_SECONDS
        self._next_trial = 0.0
        self._begin_window()

    @contextmanager
    def in_loop(self, step: str) -> Iterator[None]:
        """Set waits within the block, in one thread at a time; afterwards they are torch's default.

        Args:
            step: name of the loop's steps; others are not compared with them.
        """
        if self._loop is not None:  # an evaluation within `fit`, or another thread's
            yield
            return
        self._loop = threading.get_ident(), step
        try:
            self._set(self.waits)
            yield
        finally:
            self._end_threads()
            self._loop = None

    def timed(self, name: str, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function that runs a step and measures its time."""

        @functools.wraps(step)
        def call(data: Any) -> Any:
            wall, cpu = self._clocks.wall(), self._clocks.cpu()
            result = step(data)
            self.add_step(name, self._clocks.wall() - wall, self._clocks.cpu() - cpu)
            return result

        return call

    def add_step(self, name: str, seconds: float, cpu_seconds: float) -> None:
        """Count a step, and change the waits where that is due."""
        if self._loop != (threading.get_ident(), name):
            return
        self._num_steps += 1
        self._seconds += seconds
        self._cpu_seconds += cpu_seconds
        if self._seconds >= _WINDOW_SECONDS and self._num_steps > 1:
            self._end_window(self._seconds / self._num_steps)
            self._begin_window()

    def _end_window(self, step_seconds: float) -> None:
        before, now = self._step_seconds_before, self._clocks.wall()
        if before is not None:
            self._step_seconds_before = None
            if step_seconds < before * _GAIN:
                self._pause = _FIRST_PAUSE_SECONDS
            else:
                self._change()
                self._pause = min(2 * self._pause, _MAX_PAUSE_SECONDS)
            self._next_trial = now + self._pause
        elif now >= self._next_trial and (self.waits == "short" or self._is_disturbed()):
            self._step_seconds_before = step_seconds
            self._change()

    def _is_disturbed(self) -> bool:
        """Return whether the threads got less than their cores' time in this window."""
        undisturbed = self._seconds * torch.get_num_threads()
        return self._cpu_seconds < _UNDISTURBED_FRACTION * undisturbed

    def _begin_window(self) -> None:
        self._num_steps, self._seconds, self._cpu_seconds = 0, 0.0, 0.0

    def _change(self) -> None:
        self.waits = "short" if self.waits == "long" else "long"
        self._set(self.waits)

    def _set(self, waits: Waits) -> None:
        if waits == "long":
            self._end_threads()
        elif self._threads is None and can_shorten_waits():
            self._threads = IdleThreads()

    def _end_threads(self) -> None:
        if self._threads is not None:
            self._threads.end()
            self._threads = None
