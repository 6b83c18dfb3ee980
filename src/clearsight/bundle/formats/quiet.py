"""`quiet`: hide the warnings and log messages of other libraries' converters."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(logger_name: str | None = None) -> Iterator[None]:
    """Ignore warnings, and log messages below ERROR of one logger or, with None, of all."""
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
