"""The command line on a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TerminalSession:
    """What a command printed on a terminal.

    Attributes:
        returncode: its exit code.
        shown: everything, control sequences included.
        start_gap: seconds until the first output.
        longest_gap: seconds of the longest time without any output after that, the end included.
        before_gap: the last characters before it, without control sequences.
    """

    returncode: int
    shown: str
    start_gap: float
    longest_gap: float
    before_gap: str

    @property
    def text(self) -> str:
        """What was shown, without control sequences."""
        return _plain(self.shown)


def run_on_terminal(
    *arguments: str, columns: int = 80, stop_at: str = "", **environment: str
) -> TerminalSession:
    """Run ``clearsight`` with standard output and error on a terminal.

    Ctrl-C stops it when it has printed `stop_at`, if that is given.
    """
    program = str(Path(sys.executable).with_name("clearsight"))
    read_end, terminal = pty.openpty()
    size = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40"}
    with subprocess.Popen(
        [program, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, **size, **environment},
    ) as process:
        os.close(terminal)
        shown, gaps, last = b"", [(0.0, b"")], time.perf_counter()
        while True:
            try:
                block = os.read(read_end, 65536)
            except OSError:  # on Linux, when the other end has been closed
                block = b""
            now = time.perf_counter()
            gaps.append((now - last, shown[-400:]))
            last = now
            if not block:
                break
            shown += block
            if stop_at and stop_at in shown.decode(errors="replace"):
                stop_at = ""
                process.send_signal(signal.SIGINT)
    os.close(read_end)
    start_gap = gaps[1][0]
    gap, before = max(gaps[2:], default=(0.0, b""))
    before_gap = _plain(before.decode(errors="replace"))
    return TerminalSession(process.returncode, shown.decode(), start_gap, gap, before_gap)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
