"""`read_model`: the graph in an ONNX file, if the file holds nothing but one graph and its weights.

Fields and their numbers are those of onnx.proto (ONNX 1.23). Not expected, and so errors: weights
in other files, in sparse form or as text, functions, training graphs, graphs within a node (loops
and branches), quantization annotations, devices, and whatever a later version adds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearsight.bundle.onnx_check.protobuf import Field, Message, MessageReader, read_varints

_MAX_NODES = 20_000
_OPSETS = range(13, 26)  # whose operators have the forms that `operators.py` knows
_DOMAINS = ("", "ai.onnx")  # two names of the standard one
# Values of longer tensors are neither kept nor followed: these describe shapes.
MAX_VALUES = 1024
# Of TensorProto.DataType. bfloat16, which numpy lacks, is kept without its values.
_TYPES = {
    1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1"), 4: np.dtype("<u2"),
    5: np.dtype("<i2"), 6: np.dtype("<i4"), 7: np.dtype("<i8"), 9: np.dtype("?"),
    10: np.dtype("<f2"), 11: np.dtype("<f8"), 12: np.dtype("<u4"), 13: np.dtype("<u8"),
    16: np.dtype("<u2"),
}  # fmt: skip
_BFLOAT16 = 16

_MODEL = {
    1: Field("ir_version", "integer"), 2: Field("producer_name", "ignored"),
    3: Field("producer_version", "ignored"), 4: Field("domain", "ignored"),
    5: Field("model_version", "ignored"), 6: Field("doc_string", "ignored"),
    7: Field("graph", "bytes"), 8: Field("opset_import", "bytes", True),
    14: Field("metadata_props", "ignored"), 20: Field("a training graph", "refused"),
    25: Field("functions of its own", "refused"),
}  # fmt: skip
_OPSET = {1: Field("domain", "text"), 2: Field("version", "integer")}
_GRAPH = {
    1: Field("node", "bytes", True), 2: Field("name", "ignored"),
    5: Field("initializer", "bytes", True), 10: Field("doc_string", "ignored"),
    11: Field("input", "bytes", True), 12: Field("output", "bytes", True),
    13: Field("value_info", "ignored"), 15: Field("sparse weights", "refused"),
    16: Field("metadata_props", "ignored"),
}  # fmt: skip
_VALUE = {
    1: Field("name", "text"), 2: Field("type", "ignored"), 3: Field("doc_string", "ignored"),
    4: Field("metadata_props", "ignored"),
}  # fmt: skip
_NODE = {
    1: Field("input", "text", True), 2: Field("output", "text", True), 3: Field("name", "ignored"),
    4: Field("op_type", "text"), 5: Field("attribute", "bytes", True),
    6: Field("doc_string", "ignored"), 7: Field("domain", "text"),
    9: Field("metadata_props", "ignored"),
}  # fmt: skip
_ATTRIBUTE = {
    1: Field("name", "text"), 2: Field("f", "float"), 3: Field("i", "integer"),
    4: Field("s", "text"), 5: Field("t", "bytes"),
    6: Field("a graph within it, as loops and branches have", "refused"),
    7: Field("floats", "float", True), 8: Field("ints", "integer", True),
    13: Field("doc_string", "ignored"), 20: Field("type", "integer"),
}  # fmt: skip
# AttributeProto.AttributeType, and the field and the default of a value that is left out.
_ATTRIBUTE_TYPES: dict[int, tuple[str, Any]] = {
    1: ("f", 0.0), 2: ("i", 0), 3: ("s", ""), 4: ("t", None), 6: ("floats", ()), 7: ("ints", ()),
}  # fmt: skip
_TENSOR = {
    1: Field("dims", "integer", True), 2: Field("data_type", "integer"),
    4: Field("float_data", "bytes"), 5: Field("int32_data", "bytes"),
    6: Field("text in place of numbers", "refused"),
    7: Field("int64_data", "bytes"), 8: Field("name", "text"), 9: Field("raw_data", "bytes"),
    10: Field("double_data", "bytes"), 11: Field("uint64_data", "bytes"),
    12: Field("doc_string", "ignored"), 13: Field("external_data", "bytes", True),
    14: Field("data_location", "integer"), 16: Field("metadata_props", "ignored"),
}  # fmt: skip
_VALUE_FIELDS = ("float_data", "int32_data", "int64_data", "raw_data", "double_data", "uint64_data")


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of which the shape is known, and the values if there are few.

    Attributes:
        shape: its lengths.
        values: of this shape; None if there are many, or they are not known before a run.
        is_constant: whether it is the same in every run.
    """

    shape: tuple[int, ...]
    values: np.ndarray | None = None
    is_constant: bool = False


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One operation of a graph.

    Attributes:
        operator: of the standard domain.
        inputs: names of values; "" for an input that is left out.
        outputs: names of values.
        attributes: an int, float, text or `Tensor`, or a list of numbers.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """The graph of an ONNX file.

    Attributes:
        nodes: in the order in which they are listed.
        weights: by name.
        input: the name of its only input.
        output: the name of its only output.
    """

    nodes: tuple[OnnxNode, ...]
    weights: Mapping[str, Tensor]
    input: str
    output: str


def read_model(content: bytes) -> OnnxModel:
    """Read an ONNX file.

    Raises:
        ValueError: if it is no ONNX file, or holds something that is not expected.
    """
    reader = MessageReader()
    model = reader.read(memoryview(content), _MODEL)
    for each in model.get("opset_import", []):
        opset = reader.read(each, _OPSET)
        if opset.get("domain", "") in _DOMAINS and opset.get("version", 0) not in _OPSETS:
            raise ValueError(
                f"its operators are of version {opset.get('version', 0)}, not of "
                f"{_OPSETS.start} to {_OPSETS.stop - 1}"
            )
    if "graph" not in model:
        raise ValueError("it has no graph")
    graph = reader.read(model["graph"], _GRAPH)
    if len(graph.get("node", [])) > _MAX_NODES:
        raise ValueError(f"it has {len(graph['node']):,} operations, more than {_MAX_NODES:,}")
    weights: dict[str, Tensor] = {}
    for each in graph.get("initializer", []):
        name, tensor = _read_tensor(reader, each)
        if not name or name in weights:
            raise ValueError(f"two of its weights are called '{name}'")
        weights[name] = tensor
    inputs, outputs = (_value_names(reader, graph, key) for key in ("input", "output"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not one each")
    nodes = tuple(_read_node(reader, each) for each in graph.get("node", []))
    return OnnxModel(nodes, weights, inputs[0], outputs[0])


def _value_names(reader: MessageReader, graph: Message, key: str) -> tuple[str, ...]:
    return tuple(reader.read(each, _VALUE).get("name", "") for each in graph.get(key, []))


def _read_node(reader: MessageReader, content: memoryview) -> OnnxNode:
    node = reader.read(content, _NODE)
    operator = node.get("op_type", "")
    if node.get("domain", "") not in _DOMAINS:
        raise ValueError(f"it has the operator {node['domain']}.{operator}")
    attributes = {}
    for each in node.get("attribute", []):
        name, value = _read_attribute(reader, each, operator)
        if name in attributes:
            raise ValueError(f"an operation {operator} has the attribute {name} twice")
        attributes[name] = value
    return OnnxNode(
        operator, tuple(node.get("input", [])), tuple(node.get("output", [])), attributes
    )


def _read_attribute(reader: MessageReader, content: memoryview, operator: str) -> tuple[str, Any]:
    try:
        attribute = reader.read(content, _ATTRIBUTE)
    except ValueError as error:  # among others if it holds a graph
        raise ValueError(f"in the attributes of an operation {operator} {error}") from error
    name = attribute.pop("name", "")
    kind, default = _ATTRIBUTE_TYPES.get(attribute.pop("type", 0), ("", None))
    if not kind or not attribute.keys() <= {kind}:
        raise ValueError(f"an operation {operator} has {name} of an unexpected type")
    value = attribute.get(kind, default)
    if kind != "t":
        return name, value
    if value is None:
        raise ValueError(f"an operation {operator} has the attribute {name} without a value")
    return name, _read_tensor(reader, value)[1]


def _read_tensor(reader: MessageReader, content: memoryview) -> tuple[str, Tensor]:
    """Read a tensor with all its values, and its name."""
    tensor = reader.read(content, _TENSOR)
    name, shape = tensor.get("name", ""), tuple(tensor.get("dims", ()))
    if "external_data" in tensor or tensor.get("data_location", 0) != 0:
        raise ValueError(f"its weights '{name}' are in another file, which is never read")
    code = tensor.get("data_type", 0)
    given = [key for key in _VALUE_FIELDS if key in tensor]
    if code not in _TYPES or len(given) > 1 or any(length < 0 for length in shape):
        raise ValueError(f"its weights '{name}' have an unexpected form")
    num_values, dtype = math.prod(shape), _TYPES[code]
    data = tensor[given[0]] if given else memoryview(b"")
    is_raw = given == ["raw_data"]
    # A packed number has at least one byte.
    if len(data) < num_values * (dtype.itemsize if is_raw else 1):
        raise ValueError(f"its weights '{name}' should have the shape {shape}, but lack values")
    values = None
    if num_values <= MAX_VALUES and code != _BFLOAT16:
        values = _read_values(data, given[0] if given else "raw_data", dtype)
        if len(values) != num_values:
            raise ValueError(f"its weights '{name}' should have {num_values:,} values")
        values = values.reshape(shape)
    return name, Tensor(shape, values, is_constant=True)


def _read_values(data: memoryview, key: str, dtype: np.dtype) -> np.ndarray:
    if len(data) > MAX_VALUES * 10:  # bytes of the longest packed number
        raise ValueError("some weights have more values than their shape says")
    if key == "raw_data" or key in ("float_data", "double_data"):
        stored = {"float_data": np.dtype("<f4"), "double_data": np.dtype("<f8")}.get(key, dtype)
        if len(data) % stored.itemsize:
            raise ValueError("some weights are cut short")
        return np.frombuffer(data, stored).astype(dtype)
    numbers = np.array(list(read_varints(data)), np.int64)
    if dtype == np.float16:  # as 16 bits each
        return numbers.astype(np.uint16).view(np.float16)
    return numbers.astype(dtype)
