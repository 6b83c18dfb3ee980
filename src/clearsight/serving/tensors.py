"""The Open Inference Protocol's requests and answers, with tensors as JSON or as bytes."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME
from clearsight.serving.http_error import HttpError
from clearsight.serving.json_body import parsed

# In front of the tensors' bytes stands JSON of so many bytes (the extension "binary_tensor_data").
HEADER_LENGTH = "Inference-Header-Content-Length"
IN_DATATYPE, OUT_DATATYPE = "UINT8", "FP32"
_Size = Annotated[StrictInt, Field(ge=0, le=2**31)]
_Text = Annotated[str, Field(max_length=256)]


class TensorParameters(BaseModel):
    """What the protocol lets be said of a tensor; other entries are passed over."""

    binary_data_size: _Size | None = None
    binary_data: StrictBool | None = None
    classification: StrictInt | None = None


class InputTensor(BaseModel):
    """One tensor of a request."""

    name: _Text
    shape: Annotated[list[_Size], Field(max_length=8)]
    datatype: _Text
    parameters: TensorParameters = TensorParameters()
    data: list[Any] | None = None


class RequestedOutput(BaseModel):
    """One tensor that is asked for."""

    name: _Text
    parameters: TensorParameters = TensorParameters()


class RequestParameters(BaseModel):
    """What the protocol lets be said of a request; other entries are passed over."""

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
        """Whether the answer's tensor is to come as bytes."""
        if self.outputs and self.outputs[0].parameters.binary_data is not None:
            return self.outputs[0].parameters.binary_data
        return self.parameters.binary_data_output


class OutputTensor(BaseModel):
    """One tensor of an answer."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float] | None = None


class InferResponse(BaseModel):
    """An answer of the protocol."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


async def read_request(body: bytes, header_length: str | None) -> tuple[InferRequest, np.ndarray]:
    """Read a request.

    Args:
        body: JSON, then perhaps bytes.
        header_length: how long the JSON is, as text; None for all of it.

    Returns:
        The request, and its tensor: uint8 of the shape that it says.

    Raises:
        HttpError: 400, 413 or 422 when it is not of the protocol's form.
    """
    length = len(body)
    if header_length is not None:
        if not header_length.isdecimal() or len(header_length) > 12 or int(header_length) > length:
            raise HttpError(
                400,
                "wrong_header_length",
                f"The header {HEADER_LENGTH} should be the number of bytes of the JSON before the "
                "tensors, but is not.",
            )
        length = int(header_length)
    request = await parsed(body[:length], InferRequest)
    tensor = request.inputs[0]
    if (tensor.name, tensor.datatype) != (INPUT_NAME, IN_DATATYPE):
        raise _wrong(f"the input should be '{INPUT_NAME}' of {IN_DATATYPE}, but is another")
    for output in request.outputs or ():
        if output.name != OUTPUT_NAME or output.parameters.classification:
            raise _wrong(f"the output should be '{OUTPUT_NAME}' as it is, but is another")
    return request, _array(tensor, body[length:])


def answer_content(
    request: InferRequest, model: tuple[str, str], probabilities: np.ndarray
) -> tuple[bytes, dict[str, str]]:
    """Write an answer.

    Args:
        request: what was asked.
        model: name and version.
        probabilities: float32 (N, K).

    Returns:
        The body, and the headers that it needs.
    """
    output: dict[str, Any] = {
        "name": OUTPUT_NAME,
        "shape": list(probabilities.shape),
        "datatype": OUT_DATATYPE,
    }
    answer: dict[str, Any] = {"model_name": model[0], "model_version": model[1]}
    if request.id is not None:
        answer["id"] = request.id
    answer["outputs"] = [output]
    if not request.wants_bytes:
        output["data"] = probabilities.ravel().tolist()
        return json.dumps(answer).encode(), {"Content-Type": "application/json"}
    tensor = probabilities.astype("<f4").tobytes()
    output["parameters"] = {"binary_data_size": len(tensor)}
    head = json.dumps(answer).encode()
    return head + tensor, {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(len(head)),
    }


def _array(tensor: InputTensor, binary: bytes) -> np.ndarray:
    num_values = math.prod(tensor.shape)
    size = tensor.parameters.binary_data_size
    if (tensor.data is None) == (size is None):
        raise _wrong("the tensor should come either in 'data' or as bytes behind the JSON")
    if size is not None:
        if not size == len(binary) == num_values:
            raise _wrong(
                f"a tensor of shape {tensor.shape} should have {num_values} bytes, but says {size} "
                f"and has {len(binary)}"
            )
        return np.frombuffer(binary, np.uint8).reshape(tensor.shape)
    try:
        array = np.asarray(tensor.data)
    except (ValueError, OverflowError) as error:
        raise _wrong("'data' should be even rows of numbers, but is not") from error
    if binary or array.size != num_values:
        raise _wrong(
            f"a tensor of shape {tensor.shape} should have {num_values} values, but has "
            f"{array.size}"
        )
    if array.size and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255):
        raise _wrong("'data' should be whole numbers from 0 to 255, but is not")
    return array.astype(np.uint8).reshape(tensor.shape)


def _wrong(why: str) -> HttpError:
    return HttpError(422, "wrong_tensor", f"The request cannot be inferred: {why}.")
