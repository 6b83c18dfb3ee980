"""Standard output and error, which may be closed, or full, before everything is printed.

Whoever reads the output of a command may stop (``| head -3``, a pager that is quit, a terminal that
is closed), and the disk of a file may be full. That must not end a training, nor any other command
in the middle of its work, so what is printed from then on is dropped. A full disk is reported when
the command has ended.
"""

import errno
import io
import os
import sys
from typing import Any, TextIO, cast

from clearsight.errors import OutputError
from clearsight.io.displayed_text import displayed
from clearsight.io.write_error import reason

# What writing to a pipe without a reader, or to a terminal that is gone, answers.
_NOBODY_READS = (errno.EPIPE, errno.EIO)


class _DisplayedText(io.TextIOWrapper):
    """A standard stream on which text is displayed, and no terminal obeys what it contains.

    Attributes:
        replaced: the stream that it was made of.
    """

    replaced: io.TextIOWrapper

    def write(self, text: str, /) -> int:
        super().write(displayed(text, keep_newlines=True))
        return len(text)

    @property
    def for_rendered_text(self) -> TextIO:
        """The same stream for what is safe for terminals already, or is for programs."""
        return cast(TextIO, _RenderedText(self))


class _RenderedText:
    """Passes everything on to a stream, and what is written to its buffer as it is."""

    def __init__(self, stream: _DisplayedText) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _UntilClosed(io.FileIO):
    """A standard stream that discards what is printed once it is closed or full.

    Attributes:
        refused: why it accepts no more, although its reader is there; None if it has accepted all.
        is_used: whether anything was printed.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self._stream = stream  # which closes the file when nothing refers to it any more
        self.refused: OSError | None = None
        self.is_used = False

    def write(self, data: Any) -> int | None:
        self.is_used = True
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
    """Make standard output and error of this process discard what they cannot write, silently.

    Characters that their encoding lacks become "?".
    """
    sys.stdout, sys.stderr = _until_closed(sys.stdout), _until_closed(sys.stderr)


def check_output_complete() -> None:
    """Check at a command's end that all was written to standard output, or that nothing reads it.

    Raises:
        OutputError: when it did not.
    """
    refused = getattr(_written_file(), "refused", None)
    if refused is not None:
        raise OutputError(
            f"Standard output cannot be written, because {reason(refused)}, so its end is missing: "
            "free some space on its disk and repeat the command, or write to another disk."
        ) from refused


def has_printed() -> bool:
    """Return whether this process has printed anything on standard output."""
    return getattr(_written_file(), "is_used", False)


def _written_file() -> Any:
    """Return what standard output writes to, once all that was printed is written."""
    if sys.stdout is None:
        return None
    sys.stdout.flush()
    buffer: Any = getattr(sys.stdout, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _until_closed(stream: Any) -> Any:
    if not isinstance(stream, io.TextIOWrapper):  # None without a terminal, as on Windows
        return stream
    stream.flush()
    is_buffered = isinstance(stream.buffer, io.BufferedWriter)
    file: Any = stream.buffer
    if type(stream.buffer.raw if is_buffered else stream.buffer) is io.FileIO:
        raw: Any = _UntilClosed(stream)
        file = io.BufferedWriter(raw) if is_buffered else raw
    shown = _DisplayedText(
        file,
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    shown.replaced = stream  # which closes its buffer when nothing refers to it any more
    return shown
