"""The web application: its routes, the page, and errors in one form."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import generate_latest
from starlette.exceptions import HTTPException

from clearsight.serving.http_error import (
    HttpError,
    error_responses,
    framework_error,
    internal_error,
    invalid_request,
)
from clearsight.serving.images_api import images_router
from clearsight.serving.inference_api import inference_router
from clearsight.serving.middleware import Middleware
from clearsight.serving.service import Service

_ERRORS = (HttpError, HTTPException, RequestValidationError, Exception)
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PAGE = (files("clearsight.serving") / "page.html").read_bytes()


def _source(tag: str) -> str:
    """Return the Content-Security-Policy hash of the page's only element with a tag."""
    found = re.search(rb"<%b>(.*?)</%b>" % (tag.encode(), tag.encode()), _PAGE, re.DOTALL)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found.group(1)).digest()).decode()
    return f"'sha256-{digest}'"


_PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_source('script')}; style-src {_source('style')}; "
        "img-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
}


def make_app(service: Service) -> Middleware:
    """Return the ASGI application of a server."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await service.close()

    app = FastAPI(
        title="clearsight",
        version="1",
        description="Classify images with trained networks.",
        docs_url=None,  # FastAPI's pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys(_ERRORS, _respond_to_error),
    )
    app.include_router(images_router(service))
    app.include_router(inference_router(service))
    _add_other_routes(app, service)
    app.openapi()  # takes some 50 ms, once, for which no request should have to wait
    return Middleware(app, service)


def _add_other_routes(app: FastAPI, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    async def upload_page() -> Response:
        return Response(_PAGE, media_type="text/html", headers=_PAGE_HEADERS)

    @app.get("/healthz", tags=["health"], responses=error_responses())
    async def healthz() -> dict[str, str]:
        """Report that the server runs."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"], responses=error_responses(503))
    async def readyz() -> dict[str, str]:
        """Report whether the server accepts requests."""
        service.check_ready()
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(
            generate_latest(service.metrics.registry), headers={"Content-Type": _METRICS_TYPE}
        )


async def _respond_to_error(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        error = framework_error(error.status_code, error.headers)
    elif isinstance(error, RequestValidationError):
        error = invalid_request(error.errors()[0])
    elif not isinstance(error, HttpError):
        error = internal_error()  # Starlette raises the exception again, and Middleware logs it
    return error.response()
