"""`collect_tiff_errors`: what libtiff finds wrong with a file, instead of on stderr.

Pillow decodes compressed TIFF files with libtiff, which writes to stderr by itself, also where
Pillow then returns an image of which parts are wrong.
"""

import ctypes
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from PIL import Image

_NUMBER = re.compile(r"%[-+ #0-9.*]*[hlLqjzt]*[a-zA-Z]")  # in C's format strings
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_collecting = threading.local()


@contextmanager
def collect_tiff_errors() -> Iterator[list[str]]:
    """Collect libtiff's errors in this thread, with "…" for their numbers, until the block ends.

    Its mere warnings, such as of tags that it does not know, are dropped. Where Pillow contains
    libtiff without its symbols, as on Windows, nothing is collected.

    Yields:
        A list that the first error is added to.
    """
    _handlers()
    _collecting.errors = errors = []
    try:
        yield errors
    finally:
        del _collecting.errors


@cache
def _handlers() -> list[Any]:
    """Set libtiff's two handlers, which it has for the whole process, and return them."""
    library: Any = ctypes.CDLL(Image.core.__file__)
    handlers = []
    for name, is_error in (("TIFFSetErrorHandler", True), ("TIFFSetWarningHandler", False)):
        replace = getattr(library, name, None)
        if replace is not None:
            replace.restype = ctypes.c_void_p
            replaced: list[Any] = []
            handlers.append(_Handler(partial(_handle, is_error, replaced)))
            address = replace(handlers[-1])
            replaced += [_Handler(address)] if address else []
    return handlers


def _handle(
    is_error: bool, replaced: list[Any], module: bytes, text: bytes, values: int | None
) -> None:
    errors: list[str] | None = getattr(_collecting, "errors", None)
    if errors is None:  # not in a block: another program's own use of Pillow
        for handler in replaced:
            handler(module, text, values)
    elif is_error and not errors:
        errors.append(_NUMBER.sub("…", text.decode("latin-1")).rstrip("."))
