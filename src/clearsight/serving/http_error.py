"""`HttpError`: a problem with a request, in the one JSON form of all errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

_RETRY_SECONDS = 1  # a full queue is processed within it
_MAX_QUOTED = 200  # characters of the client's own text
_ALWAYS_POSSIBLE = (403, 431, 500)


@dataclass(eq=False)
class HttpError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: the HTTP status.
        code: for programs.
        message: for people: what was expected, what was found, how to fix it. It is sent to the
            client, so it says nothing about the machine.
        headers: additional headers of the response.
    """

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return the response; clients of the inference protocol read its ``error``."""
        values = {"error": self.message, "code": self.code, "status": self.status}
        content = json.dumps(values, ensure_ascii=False)
        return Response(content, self.status, self.headers, media_type="application/json")


class ClientGoneError(Exception):
    """The client closed its connection, so that no response can be sent."""


def overloaded(code: str, message: str) -> HttpError:
    """Return the error of a server that is busy now."""
    return HttpError(503, code, message, {"Retry-After": str(_RETRY_SECONDS)})


def invalid_http() -> HttpError:
    """Return the error for a request that is not HTTP/1.1; nothing after it can be trusted."""
    return HttpError(
        400,
        "invalid_http",
        "The request should be HTTP/1.1, but cannot be parsed.",
        {"Connection": "close"},
    )


def internal_error() -> HttpError:
    """Return the error for an unexpected exception."""
    return HttpError(500, "internal_error", "Something went wrong in the server; see its log.")


def invalid_request(error: Mapping[str, Any]) -> HttpError:
    """Return the error for a request that does not match the API, from pydantic's description."""
    location = ".".join(str(part) for part in error["loc"])[:_MAX_QUOTED]
    reason = error["msg"].removeprefix("Value error, ")[:_MAX_QUOTED]
    where = f"'{location}'" if location else "the body"
    return HttpError(
        422, "invalid_request", f"The request should match /openapi.json, but {where}: {reason}."
    )


def too_many_images(max_images: int) -> HttpError:
    """Return the error for a request with too many images."""
    return HttpError(
        413,
        "too_many_images",
        f"A request should have at most {max_images} images, but has more: send several requests.",
    )


def framework_error(status: int, headers: Mapping[str, str] | None) -> HttpError:
    """Return the error for a status that the web framework responds with by itself."""
    code, message = {
        404: ("not_found", "There is nothing at this address: /openapi.json lists all addresses."),
        405: (
            "method_not_allowed",
            "This address does not accept this method: the header Allow lists those it accepts.",
        ),
    }.get(status, ("bad_request" if status < 500 else "internal_error", "The request failed."))
    return HttpError(status, code, message, dict(headers or {}))


class Error(BaseModel):
    """The body of every error."""

    error: str
    code: str
    status: int


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of a route for ``/openapi.json``, with those that every route has."""
    return {status: {"model": Error} for status in (*_ALWAYS_POSSIBLE, *statuses)}
