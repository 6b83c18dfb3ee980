"""`ServerSettings`: all that a server is told, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

from clearsight.errors import RequestError

_MEBIBYTE = 2**20
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
ANY_HOST = "*"


@dataclass(frozen=True)
class ServerSettings:
    """How a server listens, and its limits.

    Attributes:
        host: the address to listen on.
        port: 0 takes a free one.
        max_batch: images that go through the network at once, at most.
        max_wait_ms: how long an image waits for others that are on their way, at most.
        max_queue: images that are being decoded or wait, at most; of each bundle.
        max_images: images of one request, at most.
        deadline_seconds: from a request's last byte to its answer, at most.
        receive_seconds: for a request's header to come, and for its body, at most.
        max_body_mb: mebibytes of a request's body, at most.
        max_connections: open at once, at most.
        drain_seconds: how long it goes on accepting once it is asked to end, while ``/readyz`` says
            that it will.
        threads: processor threads of a bundle's network; None for all cores but one, which is left
            to reading requests and decoding images.
        token: what a request must bring; None where none is needed.
        allowed_hosts: more names by which it may be called; "*" for any.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    max_batch: int = 64
    max_wait_ms: float = 2.0
    max_queue: int = 512
    max_images: int = 128
    deadline_seconds: float = 10.0
    receive_seconds: float = 20.0
    max_body_mb: float = 20.0
    max_connections: int = 1_000
    drain_seconds: float = 1.0
    threads: int | None = None
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} should be at least {least:g}, but is {value:g}"
            for name, least in _LEAST.items()
            if (value := getattr(self, name)) is not None and not value >= least
        ]
        if self.port > 65_535:
            mistakes.append(f"port should be at most 65535, but is {self.port}")
        if self.token is not None and not _is_token(self.token):
            mistakes.append("the token should be printable ASCII without spaces, but is not")
        if not is_loopback(self.host) and self.token is None:
            mistakes.append(
                f"a server that others can reach ({self.host}) should have a token, but has none: "
                "set CLEARSIGHT_TOKEN, or --token, or listen on 127.0.0.1"
            )
        if mistakes:
            raise RequestError(f"The server cannot be started: {'; '.join(mistakes)}.")

    @property
    def max_body_bytes(self) -> int:
        """Of one request."""
        return int(self.max_body_mb * _MEBIBYTE)

    @property
    def max_bodies_bytes(self) -> int:
        """Of all requests together that are being read or answered."""
        return max(8 * self.max_body_bytes, 256 * _MEBIBYTE)

    @property
    def network_threads(self) -> int:
        """Processor threads of a bundle's network."""
        # Measured with the lesson's network and 64 clients on 2 cores: with both, the network's
        # threads spin while they wait, and half as many requests are answered.
        return self.threads or max(1, (os.cpu_count() or 1) - 1)

    @property
    def most_images(self) -> int:
        """Of one request; what never fits into the queue is told at once."""
        return min(self.max_images, self.max_queue)

    @property
    def known_hosts(self) -> frozenset[str]:
        """The names in a Host header that are this server's, in lower case."""
        return frozenset(
            name.lower().strip("[]") for name in (*_LOOPBACK_NAMES, self.host, *self.allowed_hosts)
        )


_LEAST = {
    "port": 0, "max_batch": 1, "max_wait_ms": 0, "max_queue": 1, "max_images": 1,
    "deadline_seconds": 0.001, "receive_seconds": 0.1, "max_body_mb": 0.001, "max_connections": 1,
    "drain_seconds": 0, "threads": 1,
}  # fmt: skip


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    address = address_of(host)
    return address is not None and address.is_loopback


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address; None when it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_token(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
