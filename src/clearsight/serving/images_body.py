"""The body of a request of ``/v1``: image files, or arrays."""

import base64
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from clearsight.serving.http_error import HttpError, too_many_images
from clearsight.serving.json_body import pixels_array, read_json_body, validate
from clearsight.serving.multipart_body import parse_multipart

_MAX_OTHER_TEXTS = 200  # of JSON, besides a key and a file for each image


@dataclass(frozen=True, eq=False)
class ReceivedFiles:
    """Images given as the contents of files."""

    contents: list[bytes]


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images given as arrays, uint8 (H, W, C) each."""

    arrays: list[np.ndarray]


class EncodedImage(BaseModel):
    """An image file as text."""

    model_config = ConfigDict(extra="forbid")
    b64: Annotated[str, Field(description="The file in base64.")]


Pixels = Annotated[
    list[Any], Field(description="Nested lists (height, width, channels) of integers 0 to 255.")
]


class PredictRequest(BaseModel):
    """Several images, either all as files or all as arrays."""

    model_config = ConfigDict(extra="forbid")
    instances: Annotated[list[EncodedImage | Pixels], Field(min_length=1)]


def read_form(body: bytes, content_type: str, max_images: int) -> ReceivedFiles:
    """Read a form with image files.

    Raises:
        HttpError: 400, 413 or 422.
    """
    files = parse_multipart(body, content_type, max_images)
    if not files:
        raise HttpError(
            422, "missing_image", "The form should have at least one image, but has none."
        )
    return ReceivedFiles(files)


def read_instances(body: bytes, max_images: int) -> ReceivedFiles | ImageArrays:
    """Read JSON.

    Raises:
        HttpError: 400, 413 or 422.
    """
    values = read_json_body(body, max_texts=_MAX_OTHER_TEXTS + 2 * max_images)
    instances = values.get("instances") if isinstance(values, dict) else None
    if isinstance(instances, list) and len(instances) > max_images:
        raise too_many_images(max_images)  # pydantic would describe each of them
    instances = validate(values, PredictRequest).instances
    encoded = [each for each in instances if isinstance(each, EncodedImage)]
    if len(encoded) == len(instances):
        return ReceivedFiles([_decode(each) for each in encoded])
    if encoded:
        raise HttpError(
            422, "mixed_instances", "Instances should be all files or all arrays, but are mixed."
        )
    return ImageArrays([_array(each) for each in instances])


def _decode(image: EncodedImage) -> bytes:
    try:
        return base64.b64decode(image.b64, validate=True)
    except ValueError as error:
        raise HttpError(
            422, "invalid_base64", "'b64' should be an image file in base64, but is not."
        ) from error


def _array(rows: Any) -> np.ndarray:
    try:
        array = pixels_array(rows)
        if array.ndim != 3 or not array.size:
            raise ValueError(f"it has {array.ndim} axes and {array.size} values")
    except ValueError as error:
        raise HttpError(
            422,
            "invalid_array",
            f"An array should be (height, width, channels) of integers 0 to 255, but {error}.",
        ) from error
    return array
