"""The web application: routes, one form of error, and the gate before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from clearsight.serving.admission import body_room
from clearsight.serving.gate import Gate, Lifetime
from clearsight.serving.http_error import HttpError, of_framework, unexpected
from clearsight.serving.images_api import images_router
from clearsight.serving.inference_api import check_ready, inference_router
from clearsight.serving.metrics import CONTENT_TYPE, Metrics
from clearsight.serving.page import PAGE_HEADERS, page
from clearsight.serving.service import Service, error_responses
from clearsight.serving.settings import ServerSettings
from clearsight.serving.shelf import Offer, Shelf
from clearsight.serving.watching import watch


def make_app(
    settings: ServerSettings, offers: tuple[Offer, ...], lifetime: Lifetime | None = None
) -> Gate:
    """Return the ASGI application.

    Args:
        settings: of the server.
        offers: the bundles, one at least.
        lifetime: is told when the server is about to end.
    """
    metrics, lifetime = Metrics(), lifetime or Lifetime()
    shelf = Shelf(offers, settings, metrics)
    bodies = body_room(settings.max_bodies_bytes)
    service = Service(settings, shelf, bodies, metrics, lifetime)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        shelf.start()
        watching = asyncio.create_task(watch(offers, shelf))
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await shelf.close()

    app = FastAPI(
        title="clearsight",
        version="1",
        description="Names images with trained networks.",
        docs_url=None,  # their pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.include_router(images_router(service))
    app.include_router(inference_router(service))
    _add_other_routes(app, service)
    _add_error_handlers(app)
    return Gate(app, settings, metrics, lifetime)


def _add_other_routes(app: FastAPI, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    async def drop_page() -> Response:
        return Response(page(), media_type="text/html", headers=PAGE_HEADERS)

    @app.get("/healthz", tags=["health"], responses=error_responses())
    async def healthz() -> dict[str, str]:
        """Say that the server runs."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"], responses=error_responses(503))
    async def readyz() -> dict[str, str]:
        """Say whether the server takes requests."""
        check_ready(service)
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(service.metrics.as_text(), headers={"Content-Type": CONTENT_TYPE})


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(HttpError)
    async def on_problem(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, HttpError)
        return _response(problem)

    @app.exception_handler(HTTPException)
    async def on_framework(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _response(of_framework(error.status_code, error.headers))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])[:100]
        sentence = (
            f"The request should be as /openapi.json describes, but '{place}': {first['msg']}."
        )
        return _response(HttpError(422, "wrong_form", sentence))

    @app.exception_handler(Exception)
    async def on_mistake(_: Request, __: Exception) -> Response:
        return _response(unexpected())  # it goes on to the gate, which logs it


def _response(problem: HttpError) -> Response:
    headers = {"Content-Type": "application/json", **problem.headers}
    return Response(problem.content, problem.status, headers=headers)
