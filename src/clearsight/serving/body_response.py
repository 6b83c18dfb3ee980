"""`BodyResponse`: a response that counts in the quota of bodies until its client has read it."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from clearsight.serving.quota import Quota

_PIECE_BYTES = 65_536


class BodyResponse(Response):
    """A response that may be large.

    It is sent in pieces, each once the client has read most of those before it, so that clients
    that read nothing cannot fill the memory.
    """

    def __init__(self, content: bytes, quota: Quota, headers: Mapping[str, str]) -> None:
        super().__init__(content, headers=dict(headers))
        self._content = content
        self._quota = quota

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, which is never empty.

        Raises:
            HttpError: 503, before anything is sent, if the bodies of all requests and responses
                together are too large.
        """
        del scope, receive
        self._quota.acquire(len(self._content))
        try:
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            for position in range(0, len(self._content), _PIECE_BYTES):
                end = position + _PIECE_BYTES
                piece, has_more = self._content[position:end], end < len(self._content)
                await send({"type": "http.response.body", "body": piece, "more_body": has_more})
        finally:
            self._quota.release(len(self._content))
