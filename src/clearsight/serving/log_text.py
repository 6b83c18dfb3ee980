"""`one_line`: an exception as one line of the log."""

from clearsight.errors import ClearsightError
from clearsight.io.displayed_text import displayed

_MAX_CHARACTERS = 1_000


def one_line(error: BaseException) -> str:
    """Return what went wrong, escaped: a bundle from somebody else may determine parts of it."""
    text = str(error) if isinstance(error, ClearsightError) else f"{type(error).__name__}: {error}"
    return displayed(text[:_MAX_CHARACTERS])
