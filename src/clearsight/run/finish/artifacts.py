"""What is written of a run once it has finished, which nothing may undo any more."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

from clearsight.errors import ClearsightError, MissingExtraError


def written_if_possible(what: str, write: Callable[[], Any], again: list[str]) -> None:
    """Write something, or say why there is none: whatever is wrong with it, the run is good.

    Args:
        what: it is.
        write: writes it.
        again: the command that tries again.
    """
    try:
        write()
    except MissingExtraError as error:
        print(f"Note: no {what} was written. {error}", file=sys.stderr)
    except Exception as error:
        why = str(error) if isinstance(error, ClearsightError) else f"{error!r}."
        print(f"No {what} was written: {why} Try again: {shlex.join(again)}", file=sys.stderr)
