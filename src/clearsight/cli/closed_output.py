"""Standard output and error that may lose their reader: what is printed then is dropped.

Whoever reads the output of a command may stop (``| head -3``, a pager that is quit, a terminal that
is closed). That must not end a training, nor any other command in the middle of its work.
"""

import errno
import io
import os
import sys
from typing import Any

# What writing to a pipe without a reader, or to a terminal that is gone, answers.
_NOBODY_READS = (errno.EPIPE, errno.EIO)


class _UntilClosed(io.FileIO):
    """A standard stream that leads to nowhere once nobody reads it."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self._stream = stream  # which closes the file when nothing refers to it any more

    def write(self, data: Any) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _NOBODY_READS:
                raise
            # Also for what libraries written in C print, and for processes started later.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def drop_unread_output() -> None:
    """Let this process's standard output and error drop what nobody reads, without an error.

    Characters that their encoding lacks become "?".
    """
    sys.stdout, sys.stderr = _until_closed(sys.stdout), _until_closed(sys.stderr)


def _until_closed(stream: Any) -> Any:
    if not isinstance(stream, io.TextIOWrapper):  # None without a terminal, as on Windows
        return stream
    is_buffered = isinstance(stream.buffer, io.BufferedWriter)
    if type(stream.buffer.raw if is_buffered else stream.buffer) is not io.FileIO:
        stream.reconfigure(errors="replace")  # a console of Windows
        return stream
    stream.flush()
    raw: Any = _UntilClosed(stream)
    return io.TextIOWrapper(
        io.BufferedWriter(raw) if is_buffered else raw,
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
