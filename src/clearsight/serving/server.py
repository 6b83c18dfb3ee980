"""`serve`: listen, answer, and end without losing a request."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import warnings
from collections.abc import Callable
from typing import Any

import uvicorn

from clearsight.engine.runtime.allocator import return_freed_memory
from clearsight.errors import RequestError
from clearsight.serving.app import make_app
from clearsight.serving.gate import Lifetime
from clearsight.serving.protocol import MAX_HEADER_BYTES, guarded_protocol
from clearsight.serving.settings import ServerSettings
from clearsight.serving.shelf import Offer

_BACKLOG = 2_048
_KEEP_ALIVE_SECONDS = 15
_SPARE_SECONDS = 2.0  # past what a request may take, before the rest is cut off
_MEBIBYTE = 2**20


def serve(
    settings: ServerSettings, offers: tuple[Offer, ...], on_listening: Callable[[str], None]
) -> None:
    """Answer until SIGTERM or SIGINT, then answer what has been asked, and return.

    Args:
        settings: of the server.
        offers: the bundles, one at least.
        on_listening: told the server's address once it listens.

    Raises:
        RequestError: when the address cannot be listened on.
    """
    # uvicorn would say of each malformed request that there was one, and Pillow of each oddity in a
    # image, which Python would remember for ever.
    warnings.simplefilter("ignore")
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return_freed_memory()
    with _listening_socket(settings) as listener:
        lifetime = Lifetime()
        server = _DrainingServer(_config(settings, offers, lifetime), lifetime, settings, listener)
        on_listening(_address(listener))
        asyncio.run(server.serve_until_signal())


def _config(
    settings: ServerSettings, offers: tuple[Offer, ...], lifetime: Lifetime
) -> uvicorn.Config:
    most_seconds = settings.receive_seconds + settings.deadline_seconds + _SPARE_SECONDS
    # A body somewhat too large is read to its end, so that its client comes to read the answer.
    discarded = 4 * settings.max_body_bytes + _MEBIBYTE
    return uvicorn.Config(
        make_app(settings, offers, lifetime),
        http=guarded_protocol(settings.receive_seconds, settings.max_connections, discarded),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(most_seconds) + 1,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )


def _listening_socket(settings: ServerSettings) -> socket.socket:
    try:
        place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # By its protocol asyncio knows that it may send without delay: TCP_NODELAY.
        listener = socket.socket(*place[:3])
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place[4])
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise RequestError(
            f"The server should listen on {settings.host}, port {settings.port}, but cannot "
            f"({error.strerror or error}): take another with --port, or end what listens there."
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _DrainingServer(uvicorn.Server):
    """uvicorn's server, which on a signal first says that it will end, and only then does."""

    def __init__(
        self,
        config: uvicorn.Config,
        lifetime: Lifetime,
        settings: ServerSettings,
        listener: socket.socket,
    ) -> None:
        super().__init__(config)
        self._lifetime = lifetime
        self._drain_seconds = settings.drain_seconds
        self._listener = listener

    async def serve_until_signal(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._end)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._end))
        await self._serve([self._listener])

    def _end(self) -> None:
        if self._lifetime.is_draining:  # a second signal: at once
            self.should_exit = self.force_exit = True
            return
        self._lifetime.is_draining = True
        # Until then each connection is closed with an answer rather than between two, and whoever
        # looks at /readyz sends no more.
        asyncio.get_running_loop().call_later(self._drain_seconds, self._stop_accepting)

    def _stop_accepting(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take what has come meanwhile, then stop listening and let all be answered."""
        await self._accept_the_last()
        await super().shutdown(sockets)

    async def _accept_the_last(self) -> None:
        """Take connections that the system has accepted already; closing would reset them."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        loop.remove_reader(self._listener)
        last: list[socket.socket] = []
        while True:
            try:
                last.append(self._listener.accept()[0])
            except OSError:
                break
        for server in self.servers:
            server.close()
        for connection in last:
            connection.setblocking(False)
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        return protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
