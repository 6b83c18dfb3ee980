"""Requests and responses of the Open Inference Protocol, with tensors as JSON or as bytes."""

import math
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME
from clearsight.serving.http_error import HttpError
from clearsight.serving.json_body import pixels_array, read_json_body, validate

# The length of the JSON that precedes the tensors' bytes (extension "binary_tensor_data").
HEADER_LENGTH = "Inference-Header-Content-Length"
INPUT_DATATYPE, OUTPUT_DATATYPE = "UINT8", "FP32"
_MAX_TEXTS = 1_000  # of the JSON of a request
_Size = Annotated[StrictInt, Field(ge=0, le=2**31)]
_Text = Annotated[str, Field(max_length=256)]


class TensorParameters(BaseModel):
    """Parameters of a tensor; others are ignored."""

    binary_data_size: _Size | None = None
    binary_data: StrictBool | None = None
    classification: StrictInt | None = None


class InputTensor(BaseModel):
    """The input tensor of a request."""

    name: _Text
    shape: Annotated[list[_Size], Field(max_length=8)]
    datatype: _Text
    parameters: TensorParameters = TensorParameters()
    data: list[Any] | None = None


class RequestedOutput(BaseModel):
    """The output tensor that a request asks for."""

    name: _Text
    parameters: TensorParameters = TensorParameters()


class RequestParameters(BaseModel):
    """Parameters of a request; others are ignored."""

    binary_data_output: StrictBool = False


class InferRequest(BaseModel):
    """A request of the protocol."""

    model_config = ConfigDict(extra="ignore")
    id: _Text | None = None
    parameters: RequestParameters = RequestParameters()
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=1)] | None = None

    @property
    def wants_bytes(self) -> bool:
        """Whether the response's tensor is to be bytes."""
        if self.outputs and self.outputs[0].parameters.binary_data is not None:
            return self.outputs[0].parameters.binary_data
        return self.parameters.binary_data_output


class OutputTensor(BaseModel):
    """The output tensor of a response."""

    name: str
    shape: list[int]
    datatype: str
    parameters: TensorParameters | None = None
    data: list[float] | None = None


class InferResponse(BaseModel):
    """A response of the protocol."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


def parse_request(body: bytes, header_length: str | None) -> tuple[InferRequest, np.ndarray]:
    """Parse a request.

    Args:
        body: JSON, or JSON followed by bytes.
        header_length: the length of the JSON, as text; None if there are no bytes.

    Returns:
        The request, and its tensor: uint8 of the requested shape.

    Raises:
        HttpError: 400, 413 or 422 if it does not follow the protocol.
    """
    length = len(body)
    if header_length is not None:
        if not header_length.isdecimal() or len(header_length) > 12 or int(header_length) > length:
            raise HttpError(
                400,
                "invalid_header_length",
                f"The header {HEADER_LENGTH} should be the length of the JSON, but is not.",
            )
        length = int(header_length)
    request = validate(read_json_body(body[:length], _MAX_TEXTS), InferRequest)
    tensor = request.inputs[0]
    if (tensor.name, tensor.datatype) != (INPUT_NAME, INPUT_DATATYPE):
        raise _invalid_tensor(
            f"The input should be '{INPUT_NAME}' of {INPUT_DATATYPE}, but is not."
        )
    for output in request.outputs or ():
        if output.name != OUTPUT_NAME or output.parameters.classification:
            raise _invalid_tensor(
                f"The output should be '{OUTPUT_NAME}' without classification, but is not."
            )
    array = _array(tensor, memoryview(body)[length:])
    tensor.data = None  # which takes many times the memory of the array
    return request, array


def format_response(
    request: InferRequest, model_name: str, model_version: str, probabilities: np.ndarray
) -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of a response with probabilities, float32 (N, K)."""
    output = OutputTensor(
        name=OUTPUT_NAME, shape=list(probabilities.shape), datatype=OUTPUT_DATATYPE
    )
    response = InferResponse(
        model_name=model_name, model_version=model_version, id=request.id, outputs=[output]
    )
    if not request.wants_bytes:
        output.data = probabilities.ravel().tolist()
        content = response.model_dump_json(exclude_none=True).encode()
        return content, {"Content-Type": "application/json"}
    tensor = probabilities.astype("<f4").tobytes()
    output.parameters = TensorParameters(binary_data_size=len(tensor))
    head = response.model_dump_json(exclude_none=True).encode()
    return head + tensor, {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(len(head)),
    }


def _array(tensor: InputTensor, binary: memoryview) -> np.ndarray:
    if 0 in tensor.shape:  # numpy refuses some of these shapes
        raise HttpError(
            422,
            "invalid_shape",
            f"A tensor should have values, but its shape is {tensor.shape}.",
        )
    num_values = math.prod(tensor.shape)
    size = tensor.parameters.binary_data_size
    if (tensor.data is None) == (size is None):
        raise _invalid_tensor("The tensor should be either in 'data' or in bytes after the JSON.")
    if size is not None:
        if not size == len(binary) == num_values:
            raise _invalid_tensor(
                f"A tensor of shape {tensor.shape} should have {num_values} bytes, but "
                f"binary_data_size is {size} and there are {len(binary)}."
            )
        return np.frombuffer(binary, np.uint8).reshape(tensor.shape)
    try:
        array = pixels_array(tensor.data or [])
    except ValueError as error:
        raise _invalid_tensor(f"'data' should be integers from 0 to 255, but {error}.") from error
    if len(binary) or array.size != num_values:
        raise _invalid_tensor(
            f"A tensor of shape {tensor.shape} should have {num_values} values, but has "
            f"{array.size}."
        )
    return array.reshape(tensor.shape)


def _invalid_tensor(message: str) -> HttpError:
    return HttpError(422, "invalid_tensor", message)
