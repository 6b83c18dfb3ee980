"""`ServerSettings`: the options of a server, checked before anything is opened."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from clearsight.errors import RequestError, format_validation_error
from clearsight.io.machine import num_cores
from clearsight.options import Option

_MEBIBYTE = 2**20
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
ANY_HOST = "*"


class ServerSettings(BaseModel):
    """How a server listens, and its limits; the help of each field explains it.

    Attributes:
        token: what requests must have in ``Authorization: Bearer``; None if nothing is needed.
        allowed_hosts: additional names of the server; "*" for any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: Annotated[
        str, Option("Address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535), Option("Port; 0 for any free one.")] = 8000
    max_batch: Annotated[int, Field(ge=1), Option("Images per batch of the network.")] = 64
    max_wait_ms: Annotated[
        float, Field(ge=0), Option("How long an image waits for others that are being decoded.")
    ] = 2.0
    max_queue: Annotated[
        int, Field(ge=1), Option("Images of each bundle that are decoded or wait; more get 503.")
    ] = 512
    max_images: Annotated[int, Field(ge=1), Option("Images per request.")] = 128
    deadline_seconds: Annotated[
        float, Field(ge=0.001), Option("From a request's last byte to its response; then 504.")
    ] = 10.0
    receive_seconds: Annotated[
        float, Field(ge=0.1), Option("For a header to arrive, and for a body; then 408.")
    ] = 20.0
    max_body_mb: Annotated[
        float, Field(ge=0.001), Option("Mebibytes of a request's body; more get 413.")
    ] = 20.0
    max_connections: Annotated[
        int, Field(ge=1), Option("Connections open at once, as far as `ulimit -n` allows.")
    ] = 1_000
    drain_seconds: Annotated[
        float,
        Field(ge=0),
        Option("How long requests are accepted after SIGTERM, with /readyz 503."),
    ] = 1.0
    threads: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Option("Processor threads per network; by default all cores but one.", metavar="INTEGER"),
    ] = None
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
        return self.threads or max(1, num_cores() - 1)

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
            f"The server cannot be started: {format_validation_error(error)}."
        ) from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    address = parse_address(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address; None if it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
