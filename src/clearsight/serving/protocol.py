"""`GuardedProtocol`: a connection that cannot be held up by a slow or rude client."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from clearsight.serving.http_error import HttpError, overloaded

MAX_HEADER_BYTES = 16_384
_YOUNG_SECONDS = 1.0  # a connection that was opened so shortly before the end still has its say


class GuardedProtocol(H11Protocol):
    """uvicorn's connection with limits in time and number.

    uvicorn's documented hook is a class of one's own for ``http``. What it leaves open and is
    closed here: a header that never ends, a body that goes on coming after the answer, an answer
    that nobody reads, more connections than there is room for, errors that are not JSON.
    """

    receive_seconds: float
    max_connections: int
    max_discarded_bytes: int

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a header, or refuse the connection when there are too many."""
        super().connection_made(transport)
        self._opened_at = self.loop.time()
        self._receiving: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._num_discarded = 0
        if len(self.connections) > self.max_connections:
            self._refuse(
                overloaded(
                    "too_many_connections",
                    "There should be room for the connection, but too many are open: try again in "
                    "a second.",
                )
            )
            return
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop_clock()
        if self._writing is not None:
            self._writing.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note whether a request is still incomplete."""
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            # The rest of a body whose answer is out: read so that the client comes to the answer.
            self._num_discarded += len(data)
            if self._num_discarded > self.max_discarded_bytes:
                self.transport.abort()
                return
        cycle = self.cycle
        super().data_received(data)
        if self.cycle is not cycle:  # another request has begun, with time and bytes of its own
            self._num_discarded = 0
            self._stop_clock()
        if not self._is_incomplete():
            self._stop_clock()
        elif self._receiving is None:
            self._start_clock()

    def shutdown(self) -> None:
        """Close the connection once it is idle; one that was just opened may still ask."""
        if self.transport.is_closing():
            return
        if self.cycle is None and self.loop.time() - self._opened_at < _YOUNG_SECONDS:
            self.loop.call_later(_YOUNG_SECONDS, self.shutdown)
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """Give the client so much time to read."""
        super().pause_writing()
        self._writing = self.loop.call_later(self.receive_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it has read."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; uvicorn calls this where it caught h11's error."""
        del msg
        error = sys.exc_info()[1]
        if getattr(error, "error_status_hint", 400) == 431:
            self._refuse(header_too_large())
        else:
            self._refuse(
                HttpError(400, "not_http", "The request should be HTTP/1.1, but cannot be read.")
            )

    def _start_clock(self) -> None:
        self._receiving = self.loop.call_later(self.receive_seconds, self._received_too_slowly)

    def _stop_clock(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None

    def _is_incomplete(self) -> bool:
        state = self.conn.their_state
        return state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _received_too_slowly(self) -> None:
        self._receiving = None
        if self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE:
            self._refuse(
                HttpError(
                    408,
                    "too_slow",
                    f"The header should come within {self.receive_seconds:g} seconds, but did not.",
                )
            )
        elif self.conn.our_state is not h11.SEND_RESPONSE:
            self.transport.abort()
        # Else whoever reads the body has a clock of their own, and answers.

    def _refuse(self, problem: HttpError) -> None:
        """Answer without the application, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers: Any = [*problem.raw_headers, (b"connection", b"close")]
            head = h11.Response(status_code=problem.status, headers=headers)
            for event in (head, h11.Data(data=problem.content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def header_too_large() -> HttpError:
    """Return the problem of a header that is too large."""
    return HttpError(
        431,
        "header_too_large",
        f"The header should have at most {MAX_HEADER_BYTES:,} bytes, but has more.",
    )


def guarded_protocol(
    receive_seconds: float, max_connections: int, max_discarded_bytes: int
) -> type[GuardedProtocol]:
    """Return the class with its limits, as uvicorn wants it."""
    return type(
        "GuardedProtocol",
        (GuardedProtocol,),
        {
            "receive_seconds": receive_seconds,
            "max_connections": max_connections,
            "max_discarded_bytes": max_discarded_bytes,
        },
    )
