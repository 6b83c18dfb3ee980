"""`ServerSettings`: the options of a server, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import os
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from clearsight.errors import RequestError, validation_sentences

_MEBIBYTE = 2**20
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
ANY_HOST = "*"

Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ServerSettings(BaseModel):
    """How a server listens, and its limits.

    Attributes:
        host: the address to listen on.
        port: 0 for any free port.
        max_batch: images per batch of the network.
        max_wait_ms: how long an image waits for others that are being decoded.
        max_queue: images of each model that are being decoded or wait.
        max_images: images per request.
        deadline_seconds: from a request's last byte to its response.
        receive_seconds: for a request's header to arrive, and for its body.
        max_body_mb: mebibytes of a request's body.
        max_connections: open at once.
        drain_seconds: how long the server still accepts requests after SIGTERM, with ``/readyz``
            responding 503.
        threads: processor threads of each network; None for all cores but one, which is left for
            reading requests and decoding images.
        token: what requests must have in ``Authorization: Bearer``; None if nothing is needed.
        allowed_hosts: additional names of the server; "*" for any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    max_batch: Positive = 64
    max_wait_ms: NotNegative = 2.0
    max_queue: Positive = 512
    max_images: Positive = 128
    deadline_seconds: Annotated[float, Field(ge=0.001, allow_inf_nan=False)] = 10.0
    receive_seconds: Annotated[float, Field(ge=0.1, allow_inf_nan=False)] = 20.0
    max_body_mb: Annotated[float, Field(ge=0.001, allow_inf_nan=False)] = 20.0
    max_connections: Positive = 1_000
    drain_seconds: NotNegative = 1.0
    threads: Positive | None = None
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_token(self) -> ServerSettings:
        if self.token is not None and not (
            self.token
            and self.token.isascii()
            and self.token.isprintable()
            and " " not in self.token
        ):
            raise ValueError("the token should be printable ASCII without spaces, but is not")
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"a server that others can reach ({self.host}) should have a token, but has none: "
                "set CLEARSIGHT_TOKEN or --token, or listen on 127.0.0.1"
            )
        return self

    @property
    def max_body_bytes(self) -> int:
        """Bytes of one request's body."""
        return int(self.max_body_mb * _MEBIBYTE)

    @property
    def max_bodies_bytes(self) -> int:
        """Bytes of all request bodies in memory."""
        return max(8 * self.max_body_bytes, 256 * _MEBIBYTE)

    @property
    def network_threads(self) -> int:
        """Processor threads of each network."""
        # Measured with the lesson's network and 64 clients on 2 cores: with 2 threads, which spin
        # while they wait, half as many requests are answered.
        return self.threads or max(1, (os.cpu_count() or 1) - 1)

    @property
    def max_request_images(self) -> int:
        """Images per request; more than the queue holds would never fit."""
        return min(self.max_images, self.max_queue)

    @property
    def known_hosts(self) -> frozenset[str]:
        """The server's names in a Host header, in lower case."""
        return frozenset(
            name.lower().strip("[]") for name in (*_LOOPBACK_NAMES, self.host, *self.allowed_hosts)
        )


def server_settings(**options: Any) -> ServerSettings:
    """Validate the options of `ServerSettings`.

    Raises:
        RequestError: with all that is wrong with them.
    """
    try:
        return ServerSettings(**options)
    except ValidationError as error:
        raise RequestError(
            f"The server cannot be started: {validation_sentences(error)}."
        ) from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    address = parse_address(host)
    return address is not None and address.is_loopback


def parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address; None if it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
