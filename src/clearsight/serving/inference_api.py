"""``/v2``: KServe's Open Inference Protocol, for its clients."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME
from clearsight.serving.body import received_body
from clearsight.serving.hosted import HostedBundle
from clearsight.serving.http_error import HttpError
from clearsight.serving.json_body import in_thread_if_large
from clearsight.serving.service import Service, error_responses
from clearsight.serving.tensors import (
    HEADER_LENGTH,
    IN_DATATYPE,
    OUT_DATATYPE,
    InferRequest,
    InferResponse,
    answer_content,
    read_request,
)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": InferRequest.model_json_schema(
                    ref_template="#/components/schemas/{model}", mode="validation"
                )
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """One tensor that a model takes or gives; -1 stands for any number."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


def inference_router(service: Service) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v2", tags=["inference protocol"])

    @router.get("", response_model=ServerMetadata, responses=error_responses(401))
    async def server_metadata() -> Response:
        """Say what this server is."""
        # The protocol wants a version: that of the protocol, which tells nothing of the machine.
        return JSONResponse(
            {"name": "clearsight", "version": "2", "extensions": ["binary_tensor_data"]}
        )

    @router.get("/health/live", responses=error_responses())
    async def live() -> dict[str, bool]:
        """Say that the server runs."""
        return {"live": True}

    @router.get("/health/ready", responses=error_responses(503))
    async def ready() -> dict[str, bool]:
        """Say whether the server takes requests."""
        check_ready(service)
        return {"ready": True}

    for place in ("/models/{name}", "/models/{name}/versions/{version}"):
        _add_model_routes(router, place, service)
    return router


def check_ready(service: Service) -> None:
    """Check that the server is not about to end.

    Raises:
        HttpError: 503 when it is.
    """
    if service.lifetime.is_draining:
        raise HttpError(503, "draining", "The server should take requests, but is about to end.")


def _add_model_routes(router: APIRouter, place: str, service: Service) -> None:
    def found(request: Request) -> HostedBundle:
        wanted: dict[str, Any] = request.path_params
        return service.shelf.find(wanted["name"], wanted.get("version"))

    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("name", "version")
        if f"{{{name}}}" in place
    ]

    @router.get(
        place,
        response_model=ModelMetadata,
        responses=error_responses(401, 404),
        openapi_extra={"parameters": parameters},
    )
    async def metadata(request: Request) -> Response:
        """Say what a model takes and gives."""
        return JSONResponse(_metadata(found(request)))

    @router.get(
        f"{place}/ready",
        responses=error_responses(401, 404, 503),
        openapi_extra={"parameters": parameters},
    )
    async def model_ready(request: Request) -> dict[str, Any]:
        """Say whether a model takes requests."""
        hosted = found(request)
        check_ready(service)
        return {"name": hosted.name, "ready": True}

    @router.post(
        f"{place}/infer",
        response_model=InferResponse,
        openapi_extra={**_BODY, "parameters": parameters},
        responses=error_responses(400, 401, 404, 408, 413, 415, 422, 503, 504),
    )
    async def infer(request: Request) -> Response:
        """Name images of the network's own size."""
        with found(request).in_use() as hosted:
            if request.headers.get("content-encoding", "identity").lower() != "identity":
                raise HttpError(415, "compressed", "The body should not be compressed, but is.")
            async with received_body(request, service.settings, service.bodies) as body:
                asked, images = await read_request(body, request.headers.get(HEADER_LENGTH))
                _check_shape(images, hosted)
                service.check_count(len(images))
                named = await hosted.name_arrays(images)
        model = (hosted.name, hosted.version)
        content, headers = await in_thread_if_large(
            named.probabilities.nbytes, lambda: answer_content(asked, model, named.probabilities)
        )
        return Response(content, headers=headers)


def _check_shape(images: np.ndarray, hosted: HostedBundle) -> None:
    expected = hosted.bundle.spec.image_shape
    if images.ndim != 4 or images.shape[1:] != expected or not len(images):
        raise HttpError(
            422,
            "wrong_shape",
            f"The tensor should have shape [N, {', '.join(map(str, expected))}], but has "
            f"{list(images.shape)}.",
        )


def _metadata(hosted: HostedBundle) -> dict[str, Any]:
    shape, num_classes = hosted.bundle.spec.image_shape, len(hosted.bundle.class_names)
    return {
        "name": hosted.name,
        "versions": [hosted.version],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": INPUT_NAME, "datatype": IN_DATATYPE, "shape": [-1, *shape]}],
        "outputs": [{"name": OUTPUT_NAME, "datatype": OUT_DATATYPE, "shape": [-1, num_classes]}],
    }
