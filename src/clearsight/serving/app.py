"""The web application: its routes, the page, and errors in one form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
from clearsight.serving.page import page_router
from clearsight.serving.service import Service

_ERRORS = (HttpError, HTTPException, RequestValidationError, Exception)
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


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
    app.include_router(page_router())
    _add_other_routes(app, service)
    app.openapi()  # takes some 50 ms, once, for which no request should have to wait
    return Middleware(app, service)


def _add_other_routes(app: FastAPI, service: Service) -> None:
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
