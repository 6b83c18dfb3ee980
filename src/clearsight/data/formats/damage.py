"""Errors that libraries raise for damaged files, turned into `DataError`."""

import csv
import lzma
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from clearsight.errors import DataError

_MAX_REASON = 200  # characters
# What NumPy and the standard library raise for damaged or hostile files of the formats read here.
DAMAGE: tuple[type[Exception], ...] = (
    OSError, EOFError, ValueError, TypeError, KeyError, OverflowError, MemoryError, RuntimeError,
    SyntaxError, struct.error, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
    csv.Error, tokenize.TokenError,
)  # fmt: skip


def reason_of(error: object) -> str:
    """Return the first line of an exception's message without its full stop."""
    message = getattr(error, "strerror", None) or str(error)
    lines = message.strip().splitlines()
    reason = lines[0].rstrip(". ") if lines else ""
    return reason[:_MAX_REASON] or type(error).__name__


@contextmanager
def report_damage(
    name: object,
    expected: str,
    fix: str = "get it again",
    errors: tuple[type[Exception], ...] = DAMAGE,
) -> Iterator[None]:
    """Turn the errors that a library raises for a damaged file into a `DataError`.

    Args:
        name: what to call the file.
        expected: what it should be, e.g. "a ZIP archive".
        fix: what to do.
        errors: that mean damage.

    Raises:
        DataError: when the block raises one of them.
    """
    try:
        yield
    except errors as error:
        raise DataError(
            f"{name} should be {expected}, but cannot be read ({reason_of(error)}): {fix}."
        ) from error


def damaged_image(key: str, error: object) -> DataError:
    """Return the error for an image that cannot be read from its archive or table."""
    return DataError(
        f"{key} should be an image, but is damaged in its archive ({reason_of(error)})."
    )
