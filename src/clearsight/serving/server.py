"""`serve`: listen, answer, and stop without losing a request."""

import asyncio
import logging
import socket
import warnings
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from clearsight.engine.runtime.allocator import return_freed_memory
from clearsight.errors import RequestError
from clearsight.serving.acceptor import Acceptor
from clearsight.serving.app import make_app
from clearsight.serving.connection import MAX_HEADER_BYTES, limited_connection
from clearsight.serving.descriptors import limit_connections
from clearsight.serving.named_bundle import NamedBundle
from clearsight.serving.service import Service
from clearsight.serving.settings import ServerSettings

_BACKLOG = 2_048
_KEEP_ALIVE_SECONDS = 15
_EXTRA_SECONDS = 3.0  # more than a request may take, before those that are left are cancelled
_EXIT_BY_SIGNAL = 128
_log = logging.getLogger(__name__)


def serve(
    settings: ServerSettings, bundles: tuple[NamedBundle, ...], on_listening: Callable[[str], None]
) -> int:
    """Answer until SIGTERM or SIGINT, then answer all pending requests, and return.

    Args:
        settings: of the server.
        bundles: at least one.
        on_listening: called with the server's address once it answers, to requests and to signals.

    Returns:
        The exit code: 0 if every request was answered, 1 if one took too long, 128 plus the
        signal's number after a second signal.

    Raises:
        RequestError: if the server cannot listen on the address, or may not open enough files.
    """
    # Clients could fill the log: uvicorn and the form parser would log each malformed request. And
    # Pillow would warn about oddities of images, and Python keep each warning in memory for ever.
    warnings.simplefilter("ignore")
    for name in ("uvicorn.error", "python_multipart"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return_freed_memory()
    service = Service(settings, bundles)
    with _listen(settings) as listener:
        max_connections = limit_connections(settings.max_connections, Acceptor.SPARE)
        acceptor = Acceptor(listener, max_connections)
        server = _DrainingServer(service, acceptor, lambda: on_listening(_address(listener)))
        server.run()
    if service.num_unanswered:
        _log.error("the server stopped before %d requests were answered", service.num_unanswered)
    return server.exit_code


def _listen(settings: ServerSettings) -> socket.socket:
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # asyncio sets TCP_NODELAY only on sockets whose protocol is given.
        listener = socket.socket(family, socket_type, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        raise RequestError(
            f"The server should listen on {settings.host}, port {settings.port}, but cannot "
            f"({error.strerror or error}): use another --port, or stop the program that listens "
            "there."
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _DrainingServer(uvicorn.Server):
    """uvicorn's server, which on a signal first reports that it will stop, and then stops."""

    def __init__(
        self, service: Service, acceptor: Acceptor, on_started: Callable[[], None]
    ) -> None:
        settings = service.settings
        longest_request_seconds = settings.receive_seconds + settings.deadline_seconds
        super().__init__(
            uvicorn.Config(
                make_app(service),
                http=limited_connection(settings.receive_seconds, acceptor.max_connections),
                loop="asyncio",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(longest_request_seconds + _EXTRA_SECONDS),
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            )
        )
        self._service = service
        self._acceptor = acceptor
        self._on_started = on_started
        self._second_signal = 0

    @property
    def exit_code(self) -> int:
        """The exit code of a server that has stopped."""
        if self._second_signal:
            return _EXIT_BY_SIGNAL + self._second_signal
        return int(self._service.num_unanswered > 0 or self.lifespan.should_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain for the configured time, then stop; at the second signal, stop at once.

        While draining, each connection is closed with a response rather than between two requests,
        and clients that watch /readyz go elsewhere.
        """
        del frame
        if self._service.is_draining:
            logging.getLogger("uvicorn.error").disabled = True  # or it logs its cancelled task
            self._second_signal = sig
            self.should_exit = self.force_exit = True
            return
        self._service.is_draining = True
        loop = asyncio.get_running_loop()  # signals are handled in the thread that runs it
        delay = self._service.settings.drain_seconds
        loop.call_soon_threadsafe(loop.call_later, delay, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer; the acceptor listens, not uvicorn."""
        del sockets
        await super().startup(sockets=[])
        protocol: Any = partial(
            self.config.http_protocol_class,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self._acceptor.start(protocol, self.server_state.connections)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and answer all requests."""
        await self._acceptor.stop()
        await super().shutdown(sockets)
