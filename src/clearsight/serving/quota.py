"""`Quota`: a limit on queued images, or on bytes held in memory."""

from clearsight.serving.http_error import overloaded


class Quota:
    """Counts how much of a limited amount is in use. Only for the event loop's thread.

    Attributes:
        limit: how much may be in use at once.
        used: how much is in use.
    """

    def __init__(self, limit: int, code: str, message: str) -> None:
        """Start with nothing in use; `code` and `message` are those of the error when full."""
        self.limit = limit
        self.used = 0
        self._code = code
        self._message = message

    def acquire(self, amount: int) -> None:
        """Take an amount.

        Raises:
            HttpError: 503, if less is left.
        """
        if self.used + amount > self.limit:
            raise overloaded(self._code, self._message)
        self.used += amount

    def release(self, amount: int) -> None:
        """Return an amount."""
        self.used -= amount
