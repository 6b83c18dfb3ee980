"""``/v2``, with NVIDIA's client of the Open Inference Protocol and with plain requests."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

import clearsight
from support.server_process import Server, assert_error

triton = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
INFER = "/v2/models/fashion/infer"


@pytest.fixture
def protocol_client(server: Server) -> Any:
    client = triton.InferenceServerClient(server.url.removeprefix("http://"))
    yield client
    client.close()


def test_the_client_finds_the_model(
    protocol_client: Any, small_bundle: clearsight.Bundle, client: httpx.Client
) -> None:
    assert protocol_client.is_server_live()
    assert protocol_client.is_server_ready()
    assert protocol_client.is_model_ready("fashion")
    assert protocol_client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = protocol_client.get_model_metadata("fashion")
    assert metadata["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}]
    assert metadata["outputs"][0]["shape"] == [-1, len(small_bundle.class_names)]
    (version,) = metadata["versions"]
    assert protocol_client.is_model_ready("fashion", version)
    assert not protocol_client.is_model_ready("fashion", "another")
    assert not protocol_client.is_model_ready("absent")


@pytest.mark.parametrize("sends_bytes", [True, False])
@pytest.mark.parametrize("gets_bytes", [True, False, None])
def test_the_client_gets_the_bundles_predictions(
    protocol_client: Any,
    images: np.ndarray,
    expected: np.ndarray,
    sends_bytes: bool,
    gets_bytes: bool | None,
) -> None:
    tensor = triton.InferInput("images", list(images.shape), "UINT8")
    tensor.set_data_from_numpy(images, binary_data=sends_bytes)
    outputs = None
    if gets_bytes is not None:
        outputs = [triton.InferRequestedOutput("probabilities", binary_data=gets_bytes)]
    result = protocol_client.infer("fashion", [tensor], outputs=outputs, request_id="seven")
    found = result.as_numpy("probabilities")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert result.get_response()["id"] == "seven"


def test_the_client_understands_errors(protocol_client: Any) -> None:
    tensor = triton.InferInput("images", [1, 3, 3, 1], "UINT8")
    tensor.set_data_from_numpy(np.zeros((1, 3, 3, 1), np.uint8))
    with pytest.raises(
        triton.InferenceServerException, match=r"should have shape \[N, 28, 28, 1\]"
    ):
        protocol_client.infer("fashion", [tensor])


def tensor(**changes: Any) -> dict[str, Any]:
    zeros = {"name": "images", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [0] * 784}
    return {"inputs": [{**zeros, **changes}]}


def test_plain_json_is_enough(client: httpx.Client, small_bundle: clearsight.Bundle) -> None:
    answer = client.post(INFER, json=tensor()).json()
    right = small_bundle.predict(np.zeros((1, 28, 28, 1), np.uint8)).probabilities
    (output,) = answer["outputs"]
    assert output["shape"] == [1, 10]
    np.testing.assert_allclose(output["data"], right[0], atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (tensor(name="other"), "invalid_tensor"),
        (tensor(datatype="FP32"), "invalid_tensor"),
        (tensor(data=[0] * 783), "invalid_tensor"),
        (tensor(data=[0.5] * 784), "invalid_tensor"),
        (tensor(data=[300] * 784), "invalid_tensor"),
        (tensor(data=[[0, 1], [2]]), "invalid_tensor"),
        (tensor(data=None), "invalid_tensor"),
        (tensor(shape=[784]), "invalid_shape"),
        (tensor(shape=[0, 28, 28, 1], data=[]), "invalid_shape"),
        (tensor(shape=[0, 2**31, 2**31, 2**31], data=[]), "invalid_shape"),
        (tensor(shape=[-1, 28, 28, 1]), "invalid_request"),
        (tensor(shape=[10**30, 28, 28, 1]), "invalid_request"),
        (tensor(parameters={"binary_data_size": 784}), "invalid_tensor"),
        ({"inputs": []}, "invalid_request"),
        ({**tensor(), "outputs": [{"name": "other"}]}, "invalid_tensor"),
    ],
)
def test_invalid_tensors_are_rejected(
    client: httpx.Client, asked: dict[str, Any], code: str
) -> None:
    assert_error(client.post(INFER, json=asked), 422, code)


@pytest.mark.parametrize("length", ["x", "-1", "9999999", "9" * 5_000])
def test_an_invalid_header_length_is_rejected(client: httpx.Client, length: str) -> None:
    answer = client.post(INFER, json=tensor(), headers={"Inference-Header-Content-Length": length})
    assert_error(answer, 400, "invalid_header_length")


def test_compressed_bodies_are_rejected(client: httpx.Client) -> None:
    answer = client.post(INFER, json=tensor(), headers={"Content-Encoding": "gzip"})
    assert_error(answer, 415, "compression_not_supported")
