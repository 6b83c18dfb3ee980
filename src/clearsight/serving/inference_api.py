"""``/v2``: KServe's Open Inference Protocol."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME
from clearsight.serving.body_response import BodyResponse
from clearsight.serving.http_error import HttpError, error_responses
from clearsight.serving.request_body import receive_body
from clearsight.serving.served_model import ServedModel
from clearsight.serving.service import Service
from clearsight.serving.tensors import (
    HEADER_LENGTH,
    INPUT_DATATYPE,
    OUTPUT_DATATYPE,
    InferRequest,
    InferResponse,
    format_response,
    parse_request,
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
    """The server's name and protocol. The version is the protocol's, not that of a program."""

    name: str = "clearsight"
    version: str = "2"
    extensions: tuple[str, ...] = ("binary_tensor_data",)


class TensorMetadata(BaseModel):
    """An input or output tensor of a model; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model's input and output tensors."""

    name: str
    versions: list[str]
    platform: str = "onnxruntime_onnx"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


def inference_router(service: Service) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v2", tags=["inference protocol"])

    @router.get("", responses=error_responses(401))
    async def server_metadata() -> ServerMetadata:
        """Return the server's name and protocol."""
        return ServerMetadata()

    @router.get("/health/live", responses=error_responses())
    async def live() -> dict[str, bool]:
        """Report that the server runs."""
        return {"live": True}

    @router.get("/health/ready", responses=error_responses(503))
    async def ready() -> dict[str, bool]:
        """Report whether the server accepts requests."""
        service.check_ready()
        return {"ready": True}

    for path in ("/models/{name}", "/models/{name}/versions/{version}"):
        _add_model_routes(router, path, service)
    return router


def _add_model_routes(router: APIRouter, path: str, service: Service) -> None:
    def find(request: Request) -> ServedModel:
        parameters: dict[str, Any] = request.path_params
        return service.find_model(parameters["name"], parameters.get("version"))

    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("name", "version")
        if f"{{{name}}}" in path
    ]

    @router.get(path, responses=error_responses(401, 404), openapi_extra={"parameters": parameters})
    async def metadata(request: Request) -> ModelMetadata:
        """Return a model's input and output tensors."""
        return _metadata(find(request))

    @router.get(
        f"{path}/ready",
        responses=error_responses(401, 404, 503),
        openapi_extra={"parameters": parameters},
    )
    async def model_ready(request: Request) -> dict[str, Any]:
        """Report whether a model accepts requests."""
        model = find(request)
        service.check_ready()
        return {"name": model.name, "ready": True}

    @router.post(
        f"{path}/infer",
        response_model=InferResponse,
        openapi_extra={**_BODY, "parameters": parameters},
        responses=error_responses(400, 401, 404, 408, 413, 415, 422, 503, 504),
    )
    async def infer(request: Request) -> Response:
        """Classify images of the network's own size."""
        with find(request).in_use() as model:
            async with receive_body(request, service) as body, service.deadline():
                header_length = request.headers.get(HEADER_LENGTH)
                parsed, images = await service.bodies.run(
                    len(body), lambda: parse_request(body, header_length)
                )
                expected = model.bundle.spec.image_shape
                if images.ndim != 4 or images.shape[1:] != expected or not len(images):
                    raise HttpError(
                        422,
                        "invalid_shape",
                        f"The tensor should have shape [N, {', '.join(map(str, expected))}], but "
                        f"has {list(images.shape)}.",
                    )
                service.check_num_images(len(images))
                output = await model.predict_arrays(images)
        probabilities = output.probabilities
        content, headers = await service.bodies.run(
            probabilities.nbytes,
            lambda: format_response(parsed, model.name, model.version, probabilities),
        )
        return BodyResponse(content, service.body_quota, headers)


def _metadata(model: ServedModel) -> ModelMetadata:
    shape, num_classes = model.bundle.spec.image_shape, len(model.bundle.class_names)
    images = TensorMetadata(name=INPUT_NAME, datatype=INPUT_DATATYPE, shape=[-1, *shape])
    probabilities = TensorMetadata(
        name=OUTPUT_NAME, datatype=OUTPUT_DATATYPE, shape=[-1, num_classes]
    )
    return ModelMetadata(
        name=model.name, versions=[model.version], inputs=[images], outputs=[probabilities]
    )
