"""Whether there is room: images that may wait, and bytes that may be held."""

from __future__ import annotations

from clearsight.serving.http_error import overloaded


class Room:
    """Counts what is taken of a bounded amount; used on the event loop alone.

    Attributes:
        size: how much there is.
        taken: how much is in use.
    """

    def __init__(self, size: int, code: str, sentence: str) -> None:
        """Set how much there is, and what is said when it is full."""
        self.size = size
        self.taken = 0
        self._code = code
        self._sentence = sentence

    def take(self, amount: int) -> None:
        """Take some.

        Raises:
            HttpError: when there is not so much left, with status 503.
        """
        if self.taken + amount > self.size:
            raise overloaded(self._code, self._sentence)
        self.taken += amount

    def give_back(self, amount: int) -> None:
        """Give back what was taken."""
        self.taken -= amount


def image_room(size: int) -> Room:
    """Return the room for images that are being decoded or wait for the network."""
    return Room(
        size,
        "queue_full",
        "There should be room in the queue, but it is full: try again in a second.",
    )


def body_room(size: int) -> Room:
    """Return the room for bytes of the bodies of all requests."""
    return Room(
        size,
        "memory_full",
        "There should be room for the request, but too many large ones are being answered: try "
        "again in a second.",
    )
