"""The shapes that are computed before a network runs are those that ONNX Runtime then returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from clearsight.bundle.formats.without_telemetry import import_onnx_runtime
from clearsight.bundle.onnx_check.model import Tensor, read_model
from clearsight.bundle.onnx_check.operators import RULES, follow

ort = import_onnx_runtime()
IMAGE = (4, 6, 8)  # with a batch of 2: (2, 4, 6, 8), the input "x" of every case


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def floats(*shape: int) -> np.ndarray:
    return np.linspace(0.1, 0.9, int(np.prod(shape)), dtype=np.float32).reshape(shape)


# (operator, weights, attributes); "x" is the first input unless the weights name all of them.
Case = tuple[str, dict[str, np.ndarray], dict[str, Any]]
CASES: list[Case] = [
    *((name, {}, {}) for name in (
        "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Clip", "Cos",
        "Cosh", "Elu", "Erf", "Exp", "Floor", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool",
        "HardSigmoid", "HardSwish", "Hardmax", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Log",
        "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "Mish", "Neg", "Reciprocal",
        "Relu", "Round", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size",
        "Softmax", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu", "Trilu",
        "Dropout", "Transpose", "Flatten", "DynamicQuantizeLinear",
    )),
    *((name, {"b": floats(6, 1)}, {}) for name in (
        "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mean", "Sum", "Equal", "Greater", "Less",
        "GreaterOrEqual", "LessOrEqual", "PRelu",
    )),
    ("Mod", {"b": floats(6, 1)}, {"fmod": 1}),
    *((name, {}, attributes) for name in (
        "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
    ) for attributes in ({}, {"keepdims": 0})),
    ("ReduceMean", {"axes": ints(1, -1)}, {}),
    ("ReduceSum", {"axes": ints(-2)}, {"keepdims": 0}),
    ("ReduceMax", {"axes": ints()}, {"noop_with_empty_axes": 1}),
    ("ArgMax", {}, {"axis": -1}), ("ArgMin", {}, {"keepdims": 0}),
    ("Cast", {}, {"to": 7}), ("CastLike", {"b": ints(1)}, {}),
    ("BatchNormalization", {"s": floats(4), "b": floats(4), "m": floats(4), "v": floats(4)}, {}),
    ("InstanceNormalization", {"s": floats(4), "b": floats(4)}, {}),
    ("LayerNormalization", {"s": floats(8)}, {}),
    ("LRN", {}, {"size": 3}),
    ("CumSum", {"axis": ints(1)[0]}, {}),
    ("QuantizeLinear", {"s": np.float32(0.1), "z": np.uint8(3)}, {}),
    ("Concat", {"b": floats(2, 3, 6, 8)}, {"axis": 1}),
    ("Conv", {"w": floats(5, 4, 3, 3)}, {}),
    ("Conv", {"w": floats(6, 2, 3, 2), "b": floats(6)},
     {"group": 2, "pads": [1, 0, 2, 1], "strides": [2, 3], "dilations": [2, 1]}),
    ("Conv", {"w": floats(5, 4, 3, 3)}, {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    ("Conv", {"w": floats(5, 4, 3, 3)}, {"auto_pad": "VALID"}),
    ("ConvTranspose", {"w": floats(4, 5, 3, 3)}, {}),
    ("ConvTranspose", {"w": floats(4, 3, 3, 2)},
     {"group": 2, "pads": [1, 0, 0, 1], "strides": [2, 3], "output_padding": [1, 2]}),
    ("ConvTranspose", {"w": floats(4, 5, 3, 3)}, {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    *((name, {}, {"kernel_shape": [3, 2]} | more) for name in ("MaxPool", "AveragePool", "LpPool")
      for more in ({}, {"strides": [2, 3], "pads": [1, 0, 1, 1]}, {"auto_pad": "SAME_UPPER"},
                   {"strides": [2, 2], "ceil_mode": 1},
                   {"strides": [4, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1})),
    ("MaxPool", {}, {"kernel_shape": [2, 2], "dilations": [2, 3]}),
    ("MatMul", {"b": floats(8, 3)}, {}), ("MatMul", {"b": floats(8)}, {}),
    ("MatMul", {"b": floats(4, 8, 3)}, {}),
    ("Gemm", {"a": floats(3, 5), "b": floats(3, 7)}, {"transA": 1}),
    ("Gemm", {"a": floats(3, 5), "b": floats(7, 5), "c": floats(7)}, {"transB": 1}),
    ("Einsum", {"b": floats(8, 3)}, {"equation": "abcd,de->abce"}),
    ("Einsum", {"b": floats(2, 4, 6, 8)}, {"equation": "abcd, abcd -> ad"}),
    ("Einsum", {}, {"equation": "abcd->ba"}),
    ("Reshape", {"s": ints(2, -1, 8)}, {}), ("Reshape", {"s": ints(0, 0, 48)}, {}),
    ("Reshape", {"s": ints(384)}, {"allowzero": 1}), ("Reshape", {"s": ints(-1)}, {}),
    ("Flatten", {}, {"axis": 0}), ("Flatten", {}, {"axis": 4}), ("Flatten", {}, {"axis": -1}),
    ("Transpose", {}, {"perm": [0, 2, 3, 1]}),
    ("Split", {"s": ints(1, 3)}, {"axis": 1, "outputs": 2}),
    ("Split", {}, {"axis": 3, "outputs": 3, "num_outputs": 3}),
    ("Slice", {"s": ints(1), "e": ints(3), "a": ints(1)}, {}),
    ("Slice", {"s": ints(-1, 9), "e": ints(-(2**63), 2), "a": ints(2, -1), "t": ints(-1, -2)}, {}),
    ("Slice", {"s": ints(0, 1), "e": ints(2**62, 2)}, {}),
    ("Pad", {"p": ints(0, 0, 1, 2, 0, 0, 3, -1)}, {}),
    ("Pad", {"p": ints(1, 2), "v": np.float32(0), "a": ints(-1)}, {"mode": "constant"}),
    ("Squeeze", {"a": floats(1, 3, 1, 2)}, {}),
    ("Squeeze", {"a": floats(1, 3, 1), "i": ints(-1)}, {}),
    ("Unsqueeze", {"i": ints(0, -1, 2)}, {}),
    ("Gather", {"i": ints(1, 0, 2).reshape(1, 3)}, {"axis": 1}), ("Gather", {"i": ints(1)[0]}, {}),
    ("GatherElements", {"i": np.zeros((1, 2, 3, 4), np.int64)}, {"axis": 1}),
    ("GatherND", {"i": ints(1, 0, 0, 3).reshape(2, 2)}, {}),
    ("GatherND", {"i": ints(1, 0).reshape(2, 1)}, {"batch_dims": 1}),
    ("ScatterElements", {"i": np.zeros((1, 1, 1, 1), np.int64), "u": floats(1, 1, 1, 1)}, {}),
    ("ScatterND", {"i": ints(1).reshape(1, 1), "u": floats(1, 4, 6, 8)}, {}),
    ("Expand", {"s": ints(3, 1, 1, 1, 8)}, {}), ("Tile", {"r": ints(1, 2, 3, 1)}, {}),
    ("Shape", {}, {"start": 1, "end": -1}),
    ("ConstantOfShape", {"a": ints(2, 3)}, {}),
    ("ConstantOfShape", {"a": ints()}, {"value": numpy_helper.from_array(ints(7))}),
    ("Constant", {"": ints()}, {"value": numpy_helper.from_array(floats(2, 3))}),
    ("Constant", {"": ints()}, {"value_ints": [1, 2, 3]}),
    ("Constant", {"": ints()}, {"value_float": 1.5}),
    ("Range", {"a": ints(1)[0], "b": ints(8)[0], "c": ints(3)[0]}, {}),
    ("Range", {"a": np.float32(5), "b": np.float32(-1), "c": np.float32(-0.7)}, {}),
    ("Resize", {"x": floats(2, 4, 6, 8), "": ints(), "s": np.float32([1, 1, 1.7, 0.4])}, {}),
    ("Resize", {"x": floats(1, 1, 4, 4), " ": ints(), "": ints(), "s": ints(1, 1, 7, 9)},
     {"mode": "linear"}),
    ("Resize", {"x": floats(1, 1, 8, 8), " ": ints(), "": ints(), "s": ints(3, 5)},
     {"mode": "cubic", "axes": [2, 3], "antialias": 1}),
    ("OneHot", {"i": ints(1, 0), "d": ints(4)[0], "v": floats(2)}, {}),
    ("OneHot", {"i": ints(1, 0, 2).reshape(1, 3), "d": ints(4), "v": floats(2)}, {"axis": 1}),
    ("TopK", {"k": ints(3)}, {"outputs": 2}), ("TopK", {"k": ints(2)}, {"axis": 1, "outputs": 2}),
    ("DepthToSpace", {}, {"blocksize": 2}), ("SpaceToDepth", {}, {"blocksize": 2}),
    ("EyeLike", {"a": floats(3, 4)}, {}),
    ("DequantizeLinear", {"q": np.ones((2, 3), np.uint8), "s": np.float32(2)}, {}),
    ("Where", {"c": np.array([True, False]).reshape(2, 1), "a": floats(1, 3), "b": floats(1)}, {}),
    *((name, {"a": np.array([True]), "b": np.array([[True], [False]])}, {})
      for name in ("And", "Or", "Xor")),
    ("Not", {"a": np.array([True])}, {}),
]  # fmt: skip
NEWER = {"Mish", "Resize", "Pad", "LpPool"}  # or of another form since version 18
# Newer than version 18 and so in a test of their own, or without a kernel in ONNX Runtime.
OTHERS = {
    "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Gelu", "GroupNormalization",
    "RMSNormalization", "Scatter", "Swish",
}  # fmt: skip
TAKES_ALL_INPUTS = {
    "Gemm", "Squeeze", "ConstantOfShape", "Range", "Resize", "OneHot", "EyeLike", "Not", "And",
    "Or", "Xor", "Where", "DequantizeLinear", "Constant",
}  # fmt: skip


def make_model(case: Case) -> tuple[bytes, list[str]]:
    """Return a model of one operation, and the names of its outputs."""
    operator, weights, attributes = case
    attributes = dict(attributes)
    outputs = [f"out {index}" for index in range(attributes.pop("outputs", 1))]
    if operator == "DynamicQuantizeLinear":
        outputs = ["out 0", "out 1", "out 2"]
    given = [] if operator in TAKES_ALL_INPUTS else ["x"]
    inputs = [*given, *("" if not name.strip() else name for name in weights)]
    inputs = [] if operator == "Constant" else inputs
    if "x" in weights:
        inputs[0] = "own x"
    node = helper.make_node(operator, inputs, outputs, **attributes)
    constants = [
        numpy_helper.from_array(np.asarray(value), "own x" if name == "x" else name)
        for name, value in weights.items()
        if name.strip()
    ]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", *IMAGE])],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        constants,
    )
    is_newer = operator in NEWER or "num_outputs" in attributes or "axes" in weights
    opsets = [helper.make_opsetid("", 18 if is_newer else 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model.SerializeToString(), outputs


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_every_operator_returns_what_is_computed(case: Case) -> None:
    content, outputs = make_model(case)
    assert_shapes_match(content, outputs)


lengths = st.integers(1, 4)
pairs = st.lists(lengths, min_size=2, max_size=2)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(["Conv", "ConvTranspose", "MaxPool", "AveragePool"]),
    kernel=pairs,
    strides=pairs,
    dilations=pairs,
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    ceil_mode=st.integers(0, 1),
)
def test_windows_of_any_form_are_counted_as_onnx_runtime_does(
    name: str,
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    pads: list[int],
    ceil_mode: int,
) -> None:
    attributes: dict[str, Any] = {"strides": strides, "pads": pads}
    weights = {}
    if "Conv" in name:
        weights, attributes["dilations"] = {"w": floats(4, 4, *kernel)}, dilations
    else:
        attributes |= {"kernel_shape": kernel, "ceil_mode": ceil_mode}
    content, outputs = make_model((name, weights, attributes))
    try:
        session(content).run(None, {"x": floats(2, *IMAGE)})
    except Exception:  # pads larger than the window, or a result without a pixel
        return
    assert_shapes_match(content, outputs)


indices = st.integers(-9, 9) | st.sampled_from([2**62, -(2**62), 2**63 - 1, -(2**63), 2**31 - 1])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(start=indices, end=indices, step=indices.filter(bool), axis=st.integers(-4, 3))
def test_slices_of_any_form_have_the_length_that_onnx_runtime_gives(
    start: int, end: int, step: int, axis: int
) -> None:
    cut = {"s": ints(start), "e": ints(end), "a": ints(axis), "t": ints(step)}
    assert_shapes_match(*make_model(("Slice", cut, {})))


def test_every_operator_has_a_case() -> None:
    assert {case[0] for case in CASES} | OTHERS == RULES.keys()


def session(content: bytes) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def assert_shapes_match(content: bytes, outputs: Sequence[str]) -> None:
    found = session(content).run(list(outputs), {"x": floats(2, *IMAGE)})
    whole = onnx.load_model_from_string(content)
    del whole.graph.output[1:]  # the reader expects one
    model = read_model(whole.SerializeToString())
    (node,) = model.nodes
    known = {"": None, **model.weights, "x": Tensor((2, *IMAGE))}
    step = follow(node, tuple(known[name] for name in node.inputs))
    assert [tensor.shape for tensor in step.outputs] == [each.shape for each in found]
    for tensor, each in zip(step.outputs, found, strict=True):
        if tensor.values is not None:
            np.testing.assert_allclose(tensor.values, each, rtol=1e-6)
