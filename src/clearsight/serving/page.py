"""``/``: the page that classifies images through this server's API, and the files it loads."""

from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath

from fastapi import APIRouter, Response

from clearsight.bundle.web.page_files import page_files, page_policy

_FILES = page_files("server")
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # The page has the same policy itself, but framing can only be forbidden here.
    "Content-Security-Policy": f"{page_policy('server')}; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}


def _path(name: str) -> str:
    return "/" if name == "index.html" else f"/{name}"


PAGE_PATHS = frozenset(map(_path, _FILES))


def page_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(include_in_schema=False)
    for name, content in _FILES.items():
        router.add_api_route(_path(name), _route(name, content), methods=["GET"])
    return router


def _route(name: str, content: bytes) -> Callable[[], Awaitable[Response]]:
    async def page_file() -> Response:
        return Response(content, media_type=_TYPES[PurePosixPath(name).suffix], headers=_HEADERS)

    return page_file
