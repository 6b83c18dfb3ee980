"""`Gate`: what every request passes: who may ask, how every answer looks, what is counted."""

from __future__ import annotations

import hmac
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearsight.serving.http_error import ClientGoneError, HttpError, unexpected
from clearsight.serving.metrics import Metrics
from clearsight.serving.protocol import MAX_HEADER_BYTES, header_too_large
from clearsight.serving.settings import ANY_HOST, ServerSettings, address_of, is_loopback

# Whoever watches over the server asks these, and the page holds nothing: no token is needed.
_OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_CLOSE = (b"connection", b"close")
_log = logging.getLogger(__name__)


@dataclass
class Lifetime:
    """Whether the server is about to end.

    Attributes:
        is_draining: it answers what comes, closes each connection after its answer, and says that
            it is not ready.
    """

    is_draining: bool = False


class Gate:
    """An ASGI application around the other one."""

    def __init__(
        self, app: ASGIApp, settings: ServerSettings, metrics: Metrics, lifetime: Lifetime
    ) -> None:
        """Stand before `app`."""
        self._app = app
        self._metrics = metrics
        self._lifetime = lifetime
        self._hosts = settings.known_hosts
        self._token = settings.token.encode() if settings.token is not None else None
        # A page that rebinds its name to this machine has a name, never an address, in Host. Where
        # others may come in, they may come by any address of this machine.
        self._allows_addresses = not is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), *_HEADERS]
                if self._lifetime.is_draining and _CLOSE not in headers:
                    headers.append(_CLOSE)
                message = {**message, "headers": headers}
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, send_on)
        except HttpError as problem:
            await _send_problem(problem, send_on)
        except ClientGoneError:
            status = 499  # as other servers count it; nothing is sent
        except Exception:
            _log.exception("a request failed")
            if not status:
                await _send_problem(unexpected(), send_on)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(time.perf_counter() - started)

    def _check(self, scope: Scope) -> None:
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        if size + sum(len(name) + len(value) + 4 for name, value in raw) > MAX_HEADER_BYTES:
            raise header_too_large()
        headers = {name: value.decode("latin-1") for name, value in raw}
        host = headers.get(b"host", "")
        if not self._is_known(host):
            raise HttpError(
                403,
                "host_not_allowed",
                "The header Host should name this server, but does not: use its address, or start "
                "it with --allow-host NAME.",
            )
        origin = headers.get(b"origin")
        if (origin is not None and not _is_same(origin, host)) or _is_from_elsewhere(
            scope, headers
        ):
            raise HttpError(
                403,
                "origin_not_allowed",
                "The request should come from this server's own page or from a program, but comes "
                "from another page.",
            )
        if self._token is not None and scope["path"] not in _OPEN_PATHS:
            self._check_token(headers.get(b"authorization", ""))

    def _check_token(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("latin-1")
        assert self._token is not None
        if not hmac.compare_digest(given, self._token) or scheme.lower() != "bearer":
            raise HttpError(
                401,
                "token_needed",
                "The request should bring the server's token in the header Authorization: Bearer "
                "TOKEN, but does not.",
                {"WWW-Authenticate": "Bearer"},
            )

    def _is_known(self, host: str) -> bool:
        name = _name_of(host)
        if not name:
            return False
        if name in self._hosts or ANY_HOST in self._hosts:
            return True
        return self._allows_addresses and address_of(name) is not None


def _name_of(host: str) -> str | None:
    """Return the name in a Host header without its port, in lower case; None when it is none."""
    if any(mark in host for mark in "/@?#, \\"):
        return None
    try:
        parsed = urlsplit(f"//{host}")
        _ = parsed.port  # raises when it is no number
        return parsed.hostname
    except ValueError:
        return None


def _is_same(origin: str, host: str) -> bool:
    scheme, mark, place = origin.partition("://")
    return bool(mark) and scheme in ("http", "https") and place.lower() == host.lower()


def _is_from_elsewhere(scope: Scope, headers: dict[bytes, str]) -> bool:
    """Tell whether a browser says that another site's page asks; following a link is allowed."""
    site = headers.get(b"sec-fetch-site", "none")
    is_link = headers.get(b"sec-fetch-mode") == "navigate" and scope["method"] == "GET"
    return site not in ("none", "same-origin") and not is_link


async def _send_problem(problem: HttpError, send: Any) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": problem.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": problem.content})
