"""`HttpError`: what went wrong with a request, in the one form that every error has."""

from __future__ import annotations

import json
from typing import Any

# A queue that is full now has been worked through by then.
_RETRY_SECONDS = 1


class HttpError(Exception):
    """A request that cannot be answered as asked.

    Attributes:
        status: of HTTP.
        code: for programs.
        sentence: for people: what was expected, what came, what to do. It is sent as it is, so it
            tells nothing of the machine.
        headers: that the answer has besides.
    """

    def __init__(
        self, status: int, code: str, sentence: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = headers or {}

    @property
    def content(self) -> bytes:
        """The body of the answer. ``error`` is where clients of the inference protocol look."""
        return json.dumps(
            {"error": self.sentence, "code": self.code, "status": self.status}, ensure_ascii=False
        ).encode()

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """All headers of the answer, as ASGI has them."""
        content_length = str(len(self.content))
        named = {
            "content-type": "application/json",
            "content-length": content_length,
            **{name.lower(): value for name, value in self.headers.items()},
        }
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]


class ClientGoneError(Exception):
    """The client closed its connection; nobody waits for an answer."""


def overloaded(code: str, sentence: str) -> HttpError:
    """Return the problem of a server that has no room now but will have."""
    return HttpError(503, code, sentence, {"Retry-After": str(_RETRY_SECONDS)})


def unexpected() -> HttpError:
    """Return what a client is told of a mistake in the program."""
    return HttpError(
        500, "internal_error", "Something went wrong in the server; its log says more."
    )


# Of the statuses that the web framework answers with by itself.
_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed"}
_FRAMEWORK_SENTENCES = {
    404: "There should be something at this address, but is not: /openapi.json lists what is.",
    405: "This address should be asked with another method: the header Allow names it.",
}


def of_framework(status: int, headers: Any) -> HttpError:
    """Return the problem that stands for a status of the web framework."""
    sentence = _FRAMEWORK_SENTENCES.get(status, "The request cannot be answered.")
    code = _FRAMEWORK_CODES.get(status, "bad_request" if status < 500 else "internal_error")
    return HttpError(status, code, sentence, dict(headers or {}))
