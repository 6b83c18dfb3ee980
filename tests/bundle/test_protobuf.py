"""The reader of ONNX files: it reads what onnx writes, and nothing slips past it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import clearsight
from clearsight.bundle.onnx_check.model import OnnxModel, read_model
from clearsight.bundle.onnx_check.protobuf import Field, MessageReader, read_varint
from support.hostile_models import external_tensor

SCHEMA = {
    1: Field("number", "integer"),
    2: Field("numbers", "integer", True),
    3: Field("text", "text"),
    4: Field("fraction", "float"),
    5: Field("fractions", "float", True),
    6: Field("rest", "ignored"),
}


def read(content: bytes) -> dict:
    return MessageReader().read(memoryview(content), SCHEMA)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", {}),
        (b"\x08\x05", {"number": 5}),
        (b"\x08\x85\x00", {"number": 5}),  # longer than needed, which protobuf accepts
        (b"\x08" + b"\xff" * 9 + b"\x01", {"number": -1}),
        (b"\x10\x01\x10\x02", {"numbers": [1, 2]}),
        (b"\x12\x02\x01\x02\x10\x03", {"numbers": [1, 2, 3]}),  # packed and not
        (b"\x1a\x02\xc3\xa9", {"text": "é"}),
        (b"\x25\x00\x00\x80\x3f", {"fraction": 1.0}),
        (b"\x2a\x04\x00\x00\x80\x3f\x2d\x00\x00\x00\x40", {"fractions": [1.0, 2.0]}),
        (b"\x32\x02ab\x32\x00", {}),
    ],
)
def test_messages_are_read(content: bytes, expected: dict) -> None:
    assert read(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x38\x01", "unexpected field 7"),
        (b"\x08\x01\x08\x01", "field number twice"),
        (b"\x1a\x00\x1a\x00", "field text twice"),
        (b"\x08", "cut short"),
        (b"\x1a\x05ab", "cut short"),
        (b"\x25\x00\x00", "cut short"),
        (b"\x2a\x03\x00\x00\x00", "cut short"),
        (b"\x0a\x00", "field number has the wire type 2"),
        (b"\x18\x00", "field text has the wire type 0"),
        (b"\x0b\x0c", "unknown wire type 3"),
        (b"\x00\x00", "no valid number"),
        (b"\xff" * 9 + b"\x01\x00", "no valid number"),
        (b"\x08" + b"\xff" * 9 + b"\x02", "longer than 64 bits"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "longer than 64 bits"),
        (b"\x1a\x01\xff", "invalid start byte"),
        (b"\x1a" + b"\xff" * 9 + b"\x01", "cut short"),
        (b"\x10\x00" * 500_001, "more than 500,000 fields"),
        (b"\x12\xc1\x84\x3d" + bytes(1_000_001), "has 1,000,001 bytes"),
    ],
)
def test_what_is_not_expected_is_an_error(content: bytes, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        read(content)


@given(st.integers(0, 2**64 - 1))
def test_every_number_is_read(value: int) -> None:
    left, content = value, b""
    while left >= 0x80:
        content += bytes([left & 0x7F | 0x80])
        left >>= 7
    content += bytes([left])
    assert read_varint(memoryview(content), 0) == (value, len(content))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_a_value_error(content: bytes) -> None:
    for reader, kind in ((read, dict), (read_model, OnnxModel)):
        try:
            found = reader(content)
        except ValueError:
            continue
        assert isinstance(found, kind)


TYPES = [np.float32, np.uint8, np.int8, np.uint16, np.int16, np.int32, np.int64, np.bool_,
         np.float16, np.float64, np.uint32, np.uint64]  # fmt: skip


def model_with(*tensors: TensorProto) -> OnnxModel:
    graph = helper.make_graph(
        [],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        tensors,
    )
    opsets = [helper.make_opsetid("", 17)]
    return read_model(helper.make_model(graph, opset_imports=opsets).SerializeToString())


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(TYPES), st.lists(st.integers(0, 100), max_size=6), st.booleans())
def test_weights_are_read_in_every_form(dtype: type, values: list[int], is_raw: bool) -> None:
    array = np.array(values).astype(dtype)
    if is_raw:
        tensor = numpy_helper.from_array(array, "w")
    else:
        code = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor = helper.make_tensor("w", code, array.shape, array)
    found = model_with(tensor).weights["w"]
    assert found.values is not None
    assert found.values.dtype == array.dtype
    np.testing.assert_array_equal(found.values, array)


def test_a_real_network_is_read_as_onnx_reads_it(small_bundle: clearsight.Bundle) -> None:
    content = (small_bundle.path / "model.onnx").read_bytes()
    found, expected = read_model(content), onnx.load_model_from_string(content).graph
    assert [node.operator for node in found.nodes] == [node.op_type for node in expected.node]
    assert [list(node.inputs) for node in found.nodes] == [list(n.input) for n in expected.node]
    assert [list(node.outputs) for node in found.nodes] == [list(n.output) for n in expected.node]
    for node, other in zip(found.nodes, expected.node, strict=True):
        values = {each.name: helper.get_attribute_value(each) for each in other.attribute}
        assert node.attributes.keys() == values.keys()
        for name, value in node.attributes.items():
            if isinstance(value, int | float | list | tuple):
                assert list(np.ravel(value)) == list(np.ravel(values[name]))
    assert {name: each.shape for name, each in found.weights.items()} == {
        each.name: tuple(each.dims) for each in expected.initializer
    }


@pytest.mark.parametrize("location", [1, 2, 2**32 + 1, -1])
def test_no_location_but_the_file_is_accepted(location: int) -> None:
    """Protobuf reads an enumeration's value modulo 2^32."""
    written = b""
    left = location % 2**64
    while left >= 0x80:
        written += bytes([left & 0x7F | 0x80])
        left >>= 7
    tensor = numpy_helper.from_array(np.ones(2, np.float32), "w").SerializeToString()
    tensor += b"\x70" + written + bytes([left])
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    with pytest.raises(ValueError, match="are in another file"):
        read_model(b"\x3a" + bytes([len(graph)]) + graph)


def test_a_graph_in_two_parts_is_refused() -> None:
    """Protobuf would join them, so that the second adds to what a check of the first saw."""
    leak = external_tensor("/etc/passwd").SerializeToString()
    graph = b"\x2a" + bytes([len(leak)]) + leak
    with pytest.raises(ValueError, match="field graph twice"):
        read_model(b"\x3a\x00" + b"\x3a" + bytes([len(graph)]) + graph)


def test_a_tensor_in_two_parts_is_refused() -> None:
    node = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(2)))
    attribute = node.attribute[0].SerializeToString()
    leak = external_tensor("/etc/passwd").SerializeToString()
    attribute += b"\x2a" + bytes([len(leak)]) + leak
    del node.attribute[:]
    content = node.SerializeToString() + b"\x2a" + bytes([len(attribute)]) + attribute
    graph = b"\x0a" + bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content
    graph += b"\x5a\x00\x62\x00"  # an input and an output
    model = b"\x3a" + bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7]) + graph
    with pytest.raises(ValueError, match="field t twice"):
        read_model(model)
