"""Writing a finished run's report and bundle, whose failure does not make the run fail."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable
from typing import Any

from clearsight.errors import ClearsightError, MissingExtraError

_logger = logging.getLogger(__name__)


def write_or_warn(what: str, write: Callable[[], Any], retry: list[str]) -> None:
    """Write an artifact, or log a warning that says why not.

    Args:
        what: the artifact's name.
        write: writes it.
        retry: the command that tries again.
    """
    try:
        write()
    except MissingExtraError as error:
        _logger.warning("No %s was written. %s", what, error)
    except Exception as error:
        why = str(error) if isinstance(error, ClearsightError) else f"{error!r}."
        _logger.warning("No %s was written: %s Try again: %s", what, why, shlex.join(retry))
