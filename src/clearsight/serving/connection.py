"""`LimitedConnection`: uvicorn's HTTP/1.1 connection with limits that uvicorn has no options for.

uvicorn limits an incomplete header in bytes and the time between two requests. It waits without
limit for the first request, for a header that arrives slowly, and for a client that reads no
response; its limit of connections counts a connection only once a header is complete; it handles
all that arrives at once, up to 256 KiB, in one turn of the event loop, which takes half a second if
that is chunks of one byte; and its own errors are plain text.
"""

import asyncio
import sys
from collections.abc import Callable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from clearsight.serving.http_error import HttpError, invalid_http, overloaded

MAX_HEADER_BYTES = 16_384
_RECEIVED_AT_ONCE = 8_192  # bytes: 1,400 chunks of one byte take 15 ms
_CLOSE = (b"connection", b"close")
_NEW_SECONDS = 1.0  # a connection opened this shortly before shutdown may still send a request


class LimitedConnection(H11Protocol, asyncio.BufferedProtocol):
    """A connection with limits; uvicorn's option ``http`` takes a class like it.

    Attributes:
        receive_seconds: for a header to arrive, for the rest of a body whose response was sent, and
            for the client to read from a full buffer.
        max_connections: open at once.
        received: what asyncio writes into, for one connection at a time.
    """

    receive_seconds: float
    max_connections: int
    received: bytearray

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a header, or reject the connection if there are too many."""
        super().connection_made(transport)
        self._opened_at = self.loop.time()
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        if len(self.connections) <= self.max_connections:
            self._start_timer(self._on_timeout)
        else:
            self._reject(
                overloaded(
                    "too_many_connections", "Too many connections are open: try again in a second."
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        for action in tuple(self._timers):
            self._stop_timer(action)
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return where asyncio writes what it receives."""
        del sizehint
        return self.received

    def buffer_updated(self, nbytes: int) -> None:
        """Handle what was received."""
        self.data_received(bytes(self.received[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Let the timer run as long as a header or an unwanted body is incomplete."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        super().data_received(data)
        if self.cycle is not cycle or not self._is_receiving():  # or another request has begun
            self._stop_timer(self._on_timeout)
        if self._is_receiving() and self._on_timeout not in self._timers:
            self._start_timer(self._on_timeout)

    def pause_writing(self) -> None:
        """Give the client a limited time to read."""
        super().pause_writing()
        self._start_timer(self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer: the client reads."""
        self._stop_timer(self.transport.abort)
        super().resume_writing()

    def shutdown(self) -> None:
        """Close an idle connection, a new one after waiting for its first request."""
        if self.transport.is_closing():
            return
        if self.cycle is None and self.loop.time() - self._opened_at < _NEW_SECONDS:
            self.loop.call_later(_NEW_SECONDS, self.shutdown)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Respond to invalid HTTP; uvicorn calls this while it handles h11's exception."""
        del msg
        if getattr(sys.exc_info()[1], "error_status_hint", 400) == 431:
            self._reject(header_too_large())
        else:
            self._reject(invalid_http())

    def _start_timer(self, action: Callable[[], None]) -> None:
        self._timers[action] = self.loop.call_later(self.receive_seconds, action)

    def _stop_timer(self, action: Callable[[], None]) -> None:
        if action in self._timers:
            self._timers.pop(action).cancel()

    def _is_receiving(self) -> bool:
        state = self.conn.their_state
        return state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _on_timeout(self) -> None:
        self._stop_timer(self._on_timeout)
        if self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE:
            self._reject(
                HttpError(
                    408,
                    "request_timeout",
                    f"The header should arrive within {self.receive_seconds:g} seconds, but did "
                    "not.",
                )
            )
        elif self.conn.our_state is not h11.SEND_RESPONSE:
            self.transport.abort()
        # Else a route is reading the body, which has a time limit of its own.

    def _reject(self, error: HttpError) -> None:
        """Respond without the application, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            response = error.response()
            headers = [*(each for each in response.raw_headers if each != _CLOSE), _CLOSE]
            head = h11.Response(status_code=error.status, headers=headers)
            for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def header_too_large() -> HttpError:
    """Return the error for a header that is too large."""
    return HttpError(
        431,
        "header_too_large",
        f"The header should have at most {MAX_HEADER_BYTES:,} bytes, but has more.",
    )


def limited_connection(receive_seconds: float, max_connections: int) -> type[LimitedConnection]:
    """Return a class of connections with these limits."""
    attributes = {
        "receive_seconds": receive_seconds,
        "max_connections": max_connections,
        "received": bytearray(_RECEIVED_AT_ONCE),
    }
    return type("LimitedConnection", (LimitedConnection,), attributes)
