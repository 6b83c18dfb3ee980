"""Standard output and error that may stop taking what is printed.

Whoever reads the output of a command may stop (``| head -3``, a pager that is quit, a terminal that
is closed), and the disk of a file may be full. That must not end a training, nor any other command
in the middle of its work, so what is printed from then on is dropped. A full disk is reported when
the command has ended.
"""

import errno
import io
import os
import sys
from typing import Any

from clearsight.errors import OutputError
from clearsight.io.write_error import reason

# What writing to a pipe without a reader, or to a terminal that is gone, answers.
_NOBODY_READS = (errno.EPIPE, errno.EIO)


class _UntilClosed(io.FileIO):
    """A standard stream that leads to nowhere once it takes no more.

    Attributes:
        refused: why it took no more, although somebody reads it; None if it has taken all.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self._stream = stream  # which closes the file when nothing refers to it any more
        self.refused: OSError | None = None

    def write(self, data: Any) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _NOBODY_READS:
                self.refused = error
            # Also for what libraries written in C print, and for processes started later.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def drop_unread_output() -> None:
    """Let this process's standard output and error drop what is not taken, without an error.

    Characters that their encoding lacks become "?".
    """
    sys.stdout, sys.stderr = _until_closed(sys.stdout), _until_closed(sys.stderr)


def check_output_complete() -> None:
    """Check at a command's end that standard output took all that was printed, or nobody read it.

    Raises:
        OutputError: when it did not.
    """
    if sys.stdout is None:
        return
    sys.stdout.flush()
    buffer: Any = getattr(sys.stdout, "buffer", None)
    refused = getattr(getattr(buffer, "raw", buffer), "refused", None)
    if refused is not None:
        raise OutputError(
            f"Standard output cannot be written, because {reason(refused)}, so its end is missing: "
            "free some space on its disk and repeat the command, or write to another disk."
        ) from refused


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
