"""``/v1``: classify images given as files or as arrays."""

import base64
import json
from typing import Annotated, Self

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from clearsight.evaluation.predictions import Predictions
from clearsight.serving.body_response import BodyResponse
from clearsight.serving.http_error import HttpError, error_responses
from clearsight.serving.images_body import (
    PredictRequest,
    ReceivedFiles,
    read_form,
    read_instances,
)
from clearsight.serving.request_body import receive_body
from clearsight.serving.served_model import FileOptions, ModelOutput, ServedModel
from clearsight.serving.service import Service

_FILE_TYPES = ("image/", "application/octet-stream")


class ClassProbability(BaseModel):
    """A class with its probability."""

    model_config = ConfigDict(validate_by_name=True, allow_inf_nan=False)
    class_name: Annotated[str, Field(alias="class")]
    probability: float


class NetworkInput(BaseModel):
    """An image as the network gets it."""

    shape: Annotated[list[int], Field(description="Height, width, channels.")]
    pixels: Annotated[str, Field(description="Base64 of the pixels, uint8, row by row.")]

    @classmethod
    def of(cls, image: np.ndarray) -> Self:
        """Encode an image, uint8 (H, W, C)."""
        return cls(shape=list(image.shape), pixels=base64.b64encode(image.tobytes()).decode())


class ImagePrediction(ClassProbability):
    """The most probable class of one image, and other classes."""

    label: Annotated[int, Field(description="Index of the class in `class_names`.")]
    probabilities: Annotated[
        list[float] | None,
        Field(description="Of all classes, in the order of `class_names`; absent with `top`."),
    ] = None
    top: Annotated[
        list[ClassProbability] | None, Field(description="The most probable classes, with `top`.")
    ] = None
    is_inverted: Annotated[
        bool | None,
        Field(
            description="Whether the image is dark on light and the training images light on dark, "
            "or the reverse; if so, try `invert`. Absent for arrays."
        ),
    ] = None
    warnings: Annotated[
        list[str] | None,
        Field(
            description="What was left out of the file or chosen, such as all frames but the "
            "first. Absent for arrays."
        ),
    ] = None
    input: Annotated[
        NetworkInput | None, Field(description="What the network got, with `input`.")
    ] = None


class PredictResponse(BaseModel):
    """The predictions for all images of a request, in their order."""

    model: str
    version: str
    predictions: list[ImagePrediction]


class ModelDescription(BaseModel):
    """A model's input and classes, and its accuracy."""

    name: str
    version: str
    input_shape: Annotated[list[int], Field(description="Height, width, channels.")]
    class_names: list[str]
    has_temperature: Annotated[bool, Field(description="Whether `temperature` can be applied.")]
    polarity: Annotated[
        str, Field(description="Of the training images: light-on-dark, dark-on-light or mixed.")
    ]
    test_accuracy: Annotated[
        float | None, Field(description="Fraction of correct test images; null if unknown.")
    ]
    test_count: Annotated[int | None, Field(description="Number of test images.")]


class ModelList(BaseModel):
    """The models of this server."""

    models: list[ModelDescription]


_FILE_SCHEMA = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": PredictRequest.model_json_schema()},
            "application/octet-stream": {"schema": _FILE_SCHEMA},
            "image/*": {"schema": _FILE_SCHEMA},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {"type": "array", "items": _FILE_SCHEMA, "minItems": 1}
                    },
                    "required": ["image"],
                }
            },
        },
    }
}


def images_router(service: Service) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v1", tags=["images"])

    @router.get("/models", responses=error_responses(401))
    async def models() -> ModelList:
        """List the models with their input shapes and classes."""
        return ModelList(models=[_describe(model) for model in service.models.values()])

    @router.post(
        "/models/{name}:predict",
        response_model=PredictResponse,
        openapi_extra=_BODY,
        responses=error_responses(400, 401, 404, 408, 413, 415, 422, 503, 504),
    )
    async def predict(
        request: Request,
        name: str,
        top: Annotated[
            int | None,
            Query(ge=1, le=100_000, description="Return this many of the most probable classes."),
        ] = None,
        invert: Annotated[bool, Query(description="Invert brightness first.")] = False,
        temperature: Annotated[
            bool, Query(description="Apply the temperature fitted on validation images.")
        ] = False,
        input: Annotated[
            bool, Query(description="Return what the network got too; for a single image file.")
        ] = False,
    ) -> Response:
        """Classify one image (its file is the body) or several (multipart or JSON)."""
        with service.find_model(name).in_use() as model:
            if temperature and model.bundle.spec.temperature is None:
                raise HttpError(
                    422, "no_temperature", "This model has no temperature: leave out the option."
                )
            async with receive_body(request, service) as body, service.deadline():
                content_type = request.headers.get("content-type", "")
                output = await _predict_body(
                    service, model, body, content_type, FileOptions(invert, keep_pixels=input)
                )

        def format_output() -> bytes:
            probabilities = output.probabilities
            if temperature:
                probabilities = model.bundle.apply_temperature(probabilities)
            predictions = Predictions(probabilities, model.bundle.class_names)
            return _format_response(model, predictions, output, top)

        content = await service.bodies.run(output.num_bytes, format_output)
        return BodyResponse(content, service.body_quota, {"Content-Type": "application/json"})

    return router


def _describe(model: ServedModel) -> ModelDescription:
    spec = model.bundle.spec
    accuracy, count = (spec.provenance.get(name) for name in ("test_accuracy", "test_count"))
    is_known = type(accuracy) is float and 0 <= accuracy <= 1 and type(count) is int and count > 0
    return ModelDescription(
        name=model.name,
        version=model.version,
        input_shape=list(spec.image_shape),
        class_names=list(spec.class_names),
        has_temperature=spec.temperature is not None,
        polarity=spec.preparation.polarity,
        test_accuracy=accuracy if is_known else None,
        test_count=count if is_known else None,
    )


async def _predict_body(
    service: Service, model: ServedModel, body: bytes, content_type: str, options: FileOptions
) -> ModelOutput:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith(_FILE_TYPES):
        return await model.predict_files([body], options)
    max_images = service.settings.max_request_images
    if media_type == "multipart/form-data":
        images = await service.bodies.run(
            len(body), lambda: read_form(body, content_type, max_images)
        )
    elif media_type == "application/json":
        images = await service.bodies.run(len(body), lambda: read_instances(body, max_images))
    else:
        raise HttpError(
            415,
            "unsupported_content_type",
            "The header Content-Type should be image/…, application/octet-stream, "
            "multipart/form-data or application/json, but is not.",
        )
    if options.keep_pixels:
        raise HttpError(
            422,
            "input_not_supported",
            "`input` is for a single image whose file is the body: leave it out.",
        )
    if isinstance(images, ReceivedFiles):
        return await model.predict_files(images.contents, options)
    if options.invert:
        raise HttpError(
            422, "invert_not_supported", "Arrays cannot be inverted: leave out `invert`."
        )
    return await model.predict_arrays(images.arrays)


def _format_response(
    model: ServedModel, predictions: Predictions, output: ModelOutput, top: int | None
) -> bytes:
    rows = [
        ImagePrediction(
            label=label,
            class_name=predictions.class_names[label],
            probability=probabilities[label],
            probabilities=None if top else probabilities,
        )
        for label, probabilities in zip(
            predictions.labels.tolist(), predictions.probabilities.tolist(), strict=True
        )
    ]
    for row, best in zip(rows, predictions.top(top) if top else (), strict=False):
        row.top = [ClassProbability(class_name=name, probability=value) for name, value in best]
    for row, remarks in zip(rows, output.remarks, strict=False):
        row.is_inverted, row.warnings = remarks.is_inverted, list(remarks.warnings)
        row.input = NetworkInput.of(remarks.pixels) if remarks.pixels is not None else None
    # One row at a time: each holds Python's lock while it is formatted.
    texts = [row.model_dump_json(by_alias=True, exclude_none=True) for row in rows]
    head = json.dumps({"model": model.name, "version": model.version}, ensure_ascii=False)
    return f'{head[:-1]}, "predictions": [{",".join(texts)}]}}'.encode()
