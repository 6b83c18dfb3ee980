"""``/v1``: images in, names out."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from clearsight.evaluation.predictions import Predictions
from clearsight.serving.body import received_body
from clearsight.serving.hosted import HostedBundle, Named
from clearsight.serving.http_error import HttpError
from clearsight.serving.json_body import in_thread_if_large, parsed
from clearsight.serving.multipart import parts_of
from clearsight.serving.service import Service, error_responses

_RAW_TYPES = ("image/", "application/octet-stream")


class EncodedImage(BaseModel):
    """The content of an image file."""

    model_config = ConfigDict(extra="forbid")
    b64: Annotated[str, Field(description="The file, in base64.")]


Pixels = Annotated[list[Any], Field(description="uint8 (H, W, C), as lists of whole numbers.")]


class PredictRequest(BaseModel):
    """Some images: all as files, or all as arrays."""

    model_config = ConfigDict(extra="forbid")
    instances: Annotated[list[EncodedImage | Pixels], Field(min_length=1)]


class Prediction(BaseModel):
    """What the network says of one image."""

    label: Annotated[StrictInt, Field(description="Number of the most probable class.")]
    class_name: str
    probability: float
    probabilities: Annotated[
        list[float] | None, Field(description="Of every class; absent with `top`.")
    ] = None
    top: Annotated[
        list[dict[str, Any]] | None, Field(description="The most probable classes, with `top`.")
    ] = None
    is_opposite: Annotated[
        bool | None,
        Field(
            description="Whether the image is dark on light where training was light on dark, or "
            "vice versa: try `invert`. Absent for arrays."
        ),
    ] = None


class PredictResponse(BaseModel):
    """What the network says of each image, in their order."""

    model: str
    version: str
    predictions: list[Prediction]


class ModelDescription(BaseModel):
    """What a model takes and gives."""

    name: str
    version: str
    input_shape: Annotated[list[int], Field(description="Height, width, channels.")]
    class_names: list[str]
    has_temperature: bool


class ModelList(BaseModel):
    """The models of this server."""

    models: list[ModelDescription]


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": PredictRequest.model_json_schema()},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                        }
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

    @router.get("/models", response_model=ModelList, responses=error_responses(401))
    async def models() -> Response:
        """List the models, what they take and the names that they give."""
        listed = [_description(hosted) for hosted in service.shelf.hosted]
        return _json({"models": listed})

    @router.post(
        "/models/{name}:predict",
        response_model=PredictResponse,
        openapi_extra=_BODY,
        responses=error_responses(400, 401, 404, 408, 413, 415, 422, 503, 504),
    )
    async def predict(
        request: Request,
        name: str,
        top: Annotated[int | None, Query(ge=1, le=100_000, description="So many classes.")] = None,
        invert: Annotated[bool, Query(description="Turn light into dark and back first.")] = False,
        temperature: Annotated[
            bool, Query(description="Apply the temperature fitted on validation images.")
        ] = False,
    ) -> Response:
        """Name one image (the body is its file), or several (multipart, or JSON)."""
        with service.shelf.find(name).in_use() as hosted:
            if temperature and hosted.bundle.temperature is None:
                raise HttpError(
                    422, "no_temperature", "This model has no temperature: leave the option out."
                )
            async with received_body(request, service.settings, service.bodies) as body:
                named = await _named(hosted, body, request.headers.get("content-type", ""), invert)
        probabilities = named.probabilities
        if temperature:
            probabilities = hosted.bundle.apply_temperature(probabilities)
        predictions = Predictions(probabilities, hosted.bundle.class_names)
        work = lambda: _json(_answer(hosted, predictions, named, top))  # noqa: E731
        return await in_thread_if_large(probabilities.nbytes, work)

    async def _named(hosted: HostedBundle, body: bytes, content_type: str, invert: bool) -> Named:
        kind = content_type.partition(";")[0].strip().lower()
        most = service.settings.most_images
        if kind.startswith(_RAW_TYPES):
            return await hosted.name_files([body], invert=invert)
        if kind == "multipart/form-data":
            files = await in_thread_if_large(len(body), lambda: parts_of(body, content_type, most))
            if not files:
                raise HttpError(422, "no_image", "There should be an image, but there is none.")
            return await hosted.name_files(files, invert=invert)
        if kind == "application/json":
            asked = await parsed(body, PredictRequest)
            service.check_count(len(asked.instances))
            return await _named_instances(hosted, asked, len(body), invert)
        raise HttpError(
            415,
            "unknown_content_type",
            "The header Content-Type should be image/…, application/octet-stream, "
            "multipart/form-data or application/json, but is another.",
        )

    return router


async def _named_instances(
    hosted: HostedBundle, asked: PredictRequest, num_bytes: int, invert: bool
) -> Named:
    encoded = [each for each in asked.instances if isinstance(each, EncodedImage)]
    if len(encoded) == len(asked.instances):
        files = await in_thread_if_large(num_bytes, lambda: [_decoded(each) for each in encoded])
        return await hosted.name_files(files, invert=invert)
    if encoded:
        raise HttpError(
            422, "mixed_instances", "Instances should be all files or all arrays, but are mixed."
        )
    if invert:
        raise HttpError(422, "no_invert", "Arrays are taken as they are: leave `invert` out.")
    rows = asked.instances
    arrays = await in_thread_if_large(num_bytes, lambda: [_pixels(row) for row in rows])
    return await hosted.name_arrays(arrays)


def _decoded(image: EncodedImage) -> bytes:
    try:
        return base64.b64decode(image.b64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HttpError(
            422, "not_base64", "'b64' should be an image file in base64, but is none."
        ) from error


def _pixels(rows: Any) -> np.ndarray:
    try:
        array = np.asarray(rows)
    except (ValueError, OverflowError) as error:
        raise _no_pixels("its rows have different lengths") from error
    if array.ndim != 3 or not array.size:
        raise _no_pixels(f"has {array.ndim} axes and {array.size} values")
    if array.dtype.kind not in "iu":
        raise _no_pixels("its values are not whole numbers; scaling is done here")
    if array.min() < 0 or array.max() > 255:
        raise _no_pixels("it has values outside of 0 to 255")
    return array.astype(np.uint8)


def _no_pixels(why: str) -> HttpError:
    return HttpError(
        422,
        "wrong_array",
        f"An array should be (height, width, channels) of whole numbers 0 to 255, but {why}.",
    )


def _description(hosted: HostedBundle) -> dict[str, Any]:
    bundle = hosted.bundle
    return {
        "name": hosted.name,
        "version": hosted.version,
        "input_shape": list(bundle.spec.image_shape),
        "class_names": list(bundle.class_names),
        "has_temperature": bundle.temperature is not None,
    }


def _answer(
    hosted: HostedBundle, predictions: Predictions, named: Named, top: int | None
) -> dict[str, Any]:
    rows = []
    best = predictions.top(top) if top else None
    for index, label in enumerate(predictions.labels.tolist()):
        probabilities = predictions.probabilities[index]
        row: dict[str, Any] = {
            "label": label,
            "class_name": predictions.class_names[label],
            "probability": float(probabilities[label]),
        }
        if best is None:
            row["probabilities"] = probabilities.tolist()
        else:
            row["top"] = [{"class_name": kind, "probability": share} for kind, share in best[index]]
        if named.opposite:
            row["is_opposite"] = named.opposite[index]
        rows.append(row)
    return {"model": hosted.name, "version": hosted.version, "predictions": rows}


def _json(values: Any) -> Response:
    content = json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    return Response(content, media_type="application/json")
