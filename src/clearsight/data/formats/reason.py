"""What a library's exception says, in a form that fits into a sentence."""

from __future__ import annotations

_LONGEST = 200  # characters


def reason_of(error: object) -> str:
    """Return the first line of what an exception says, without a full stop at its end."""
    lines = str(error).strip().splitlines()
    said = lines[0].rstrip(". ") if lines else ""
    return said[:_LONGEST] or type(error).__name__
