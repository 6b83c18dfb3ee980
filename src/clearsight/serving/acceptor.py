"""`Acceptor`: accepts connections up to the limit."""

import asyncio
import logging
import socket
from collections.abc import Callable, Collection

_ACCEPTED_AT_ONCE = 64  # before the event loop turns to other things
_PAUSE_SECONDS = 0.2
_ENDED_BELOW = 0.9  # of the limit: an episode of full tables has ended
_log = logging.getLogger(__name__)


class Acceptor:
    """Accepts the connections of a listening socket; only for the event loop's thread.

    Connections beyond the limit are accepted to be rejected, a few at a time. If those are open
    too, or the system has no descriptor left, accepting pauses, and new connections wait in the
    system's queue. asyncio's own server calls `accept` again for each place in that queue, logs
    each failure, and resumes as many times.

    Attributes:
        max_connections: open at once.
        SPARE: how many more are accepted to be rejected.
    """

    SPARE = 8

    def __init__(self, listener: socket.socket, max_connections: int) -> None:
        """Create an acceptor; see `start`."""
        self.max_connections = max_connections
        self._listener = listener
        self._connecting: dict[asyncio.Task[None], asyncio.BaseProtocol] = {}
        self._resuming: asyncio.TimerHandle | None = None
        self._was_full = False

    def start(
        self, make_protocol: Callable[[], asyncio.BaseProtocol], connections: Collection[object]
    ) -> None:
        """Begin to accept, on the running event loop.

        Args:
            make_protocol: makes what handles a connection, as asyncio's ``create_server`` takes it.
            connections: those that are open, which the protocols keep up to date.
        """
        self._make_protocol = make_protocol
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._resume()

    async def stop(self) -> None:
        """Stop listening.

        Connections that the system has completed are accepted first; closing would reset them.
        """
        self._loop.remove_reader(self._listener)
        if self._resuming is not None:
            self._resuming.cancel()
        try:
            while True:
                self._connect(self._listener.accept()[0])
        except OSError:  # no more connections
            self._listener.close()
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def _resume(self) -> None:
        self._resuming = None
        self._loop.add_reader(self._listener, self._accept_some)

    def _pause(self) -> None:
        self._loop.remove_reader(self._listener)
        self._resuming = self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _accept_some(self) -> None:
        num_before = len({*self._connections, *self._connecting.values()})
        for num_open in range(num_before, num_before + _ACCEPTED_AT_ONCE):
            if num_open < _ENDED_BELOW * self.max_connections:
                self._was_full = False
            elif num_open >= self.max_connections:
                self._log_once(f"all {self.max_connections} connections are in use")
            if num_open >= self.max_connections + self.SPARE:
                self._pause()
                return
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor or no memory is left
                self._log_once(f"no connection can be accepted ({error.strerror})")
                self._pause()
                return
            self._connect(connection)

    def _log_once(self, problem: str) -> None:
        if not self._was_full:
            _log.warning("%s: others wait or get 503 until some are closed", problem)
        self._was_full = True

    def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        protocol = self._make_protocol()
        task = self._loop.create_task(self._make_transport(connection, protocol))
        self._connecting[task] = protocol
        task.add_done_callback(self._connecting.pop)

    async def _make_transport(
        self, connection: socket.socket, protocol: asyncio.BaseProtocol
    ) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # the client has gone
            connection.close()
