"""`BodyThread`: parses and formats large bodies, one at a time, outside the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from clearsight.serving.http_error import HttpError

_SMALL_BYTES = 16_384

Result = TypeVar("Result")


class BodyThread:
    """Does small work at once, and large work in a thread.

    There is one thread, because parsing holds Python's lock, so that several would only delay the
    event loop; and because the objects that are parsed take far more memory than their text.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="body")

    async def run(self, num_bytes: int, work: Callable[[], Result]) -> Result:
        """Return the result of work on so many bytes.

        Raises:
            HttpError: as the work does.
        """
        if num_bytes <= _SMALL_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: _without_traceback(work)
        )

    def close(self) -> None:
        """Stop, without finishing work whose result is no longer awaited."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _without_traceback(work: Callable[[], Result]) -> Result:
    """Do work; an error holds nothing that was parsed, which would be freed on the event loop."""
    try:
        return work()
    except HttpError as error:
        error.__traceback__ = error.__cause__ = error.__context__ = None
        raise
