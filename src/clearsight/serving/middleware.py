"""`Middleware`: access control, response headers, errors and metrics of every request."""

import asyncio
import hmac
import logging
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearsight.serving.connection import MAX_HEADER_BYTES, header_too_large
from clearsight.serving.http_error import (
    ClientGoneError,
    HttpError,
    internal_error,
    invalid_http,
    overloaded,
)
from clearsight.serving.page import PAGE_PATHS
from clearsight.serving.service import Service
from clearsight.serving.settings import ANY_HOST, is_loopback, parse_address

# Monitoring asks for these without a token, and the page itself holds nothing.
_PUBLIC_PATHS = PAGE_PATHS | {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"}
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_CLOSE = (b"connection", b"close")
_STOPPED = overloaded("stopped", "The server stopped before the response was ready: try again.")
# An IPv6 address, or a name or an IPv4 address; and a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?")
_log = logging.getLogger(__name__)


class Middleware:
    """The outermost ASGI application, around the routes."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        settings = service.settings
        self._hosts = settings.known_hosts
        self._token = settings.token.encode() if settings.token is not None else None
        # A page that rebinds its name to this machine sends a name in Host, never an address. A
        # server that others can reach may be called by any address of this machine.
        self._allows_addresses = not is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_response(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), *_HEADERS]
                if self._service.is_draining and _CLOSE not in headers:
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, send_response)
        except HttpError as error:
            await error.response()(scope, receive, send_response)
        except ClientGoneError:
            status = 499  # nginx's status for it; nothing is sent
        except asyncio.CancelledError:  # the server stops without waiting any longer
            self._service.num_unanswered += 1
            if not status:
                await _STOPPED.response()(scope, receive, send_response)
        except Exception:
            _log.exception("a request failed")
            if not status:
                await internal_error().response()(scope, receive, send_response)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            metrics = self._service.metrics
            metrics.requests.labels(route, str(status)).inc()
            metrics.request_seconds.labels(route).observe(time.perf_counter() - started)

    def _check(self, scope: Scope) -> None:
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        if size + sum(len(name) + len(value) + 4 for name, value in raw) > MAX_HEADER_BYTES:
            raise header_too_large()
        headers = {name: value.decode("latin-1") for name, value in raw}
        # Programs before this one may take such a request for two, or for another one.
        has_two_lengths = b"content-length" in headers and b"transfer-encoding" in headers
        if has_two_lengths or scope["http_version"] not in ("1.0", "1.1"):
            raise invalid_http()
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not self._is_known(host):
            raise HttpError(
                403,
                "host_not_allowed",
                "The header Host should be a name of this server, but is not: use its address, or "
                "start it with --allow-host NAME.",
            )
        if (origin is not None and not _is_same_origin(origin, host)) or _is_cross_site(
            scope, headers
        ):
            raise HttpError(
                403,
                "origin_not_allowed",
                "The request should come from this server's own page or from a program, but comes "
                "from another page.",
            )
        if self._token is not None and scope["path"] not in _PUBLIC_PATHS:
            _check_token(headers.get(b"authorization", ""), self._token)

    def _is_known(self, host: str) -> bool:
        name = _host_name(host)
        if not name:
            return False
        is_address = self._allows_addresses and parse_address(name) is not None
        return is_address or name in self._hosts or ANY_HOST in self._hosts


def _check_token(authorization: str, expected: bytes) -> None:
    scheme, _, token = authorization.partition(" ")
    is_equal = hmac.compare_digest(token.strip().encode("latin-1"), expected)
    if not is_equal or scheme.lower() != "bearer":
        raise HttpError(
            401,
            "token_required",
            "The request should have the header Authorization: Bearer TOKEN with the server's "
            "token, but does not.",
            {"WWW-Authenticate": "Bearer"},
        )


def _host_name(host: str) -> str | None:
    """Return the lower-case name in a Host header without its port, or None if it is invalid."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else None


def _is_same_origin(origin: str, host: str) -> bool:
    scheme, separator, origin_host = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and origin_host.lower() == host.lower()


def _is_cross_site(scope: Scope, headers: dict[bytes, str]) -> bool:
    """Return whether the browser reports another site's page; following a link is allowed."""
    site = headers.get(b"sec-fetch-site", "none")
    is_link = headers.get(b"sec-fetch-mode") == "navigate" and scope["method"] == "GET"
    return site not in ("none", "same-origin") and not is_link
