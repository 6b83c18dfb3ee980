"""ONNX files that do more than classify images: changed copies of a good one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Change = Callable[[ModelProto], None]


def add_operations(
    nodes: Callable[[str, str], Sequence[NodeProto]], **weights: np.ndarray
) -> Change:
    """Return a change that adds nodes between the last operation and the output.

    `nodes` gets the name of what was the output, and that of the output.
    """

    def change(model: ModelProto) -> None:
        last = model.graph.node[-1]
        name = last.output[0]
        last.output[0] = "before"
        for key, value in weights.items():
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), key))
        model.graph.node.extend(nodes("before", name))

    return change


def external_tensor(location: str, name: str = "leak") -> TensorProto:
    """Return a tensor of 10 bytes of another file."""
    tensor = TensorProto(
        name=name, data_type=TensorProto.UINT8, dims=[10], data_location=TensorProto.EXTERNAL
    )
    for key, value in (("location", location), ("offset", "0"), ("length", "10")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _show(before: str, output: str, leak: str = "leak") -> list[NodeProto]:
    return [
        helper.make_node("Cast", [leak], ["leaked"], to=TensorProto.FLOAT),
        helper.make_node("Shape", [before], ["its shape"]),
        helper.make_node("Expand", ["leaked", "its shape"], [output]),
    ]


def _external_weights(model: ModelProto) -> None:
    add_operations(_show)(model)
    model.graph.initializer.append(external_tensor("secret"))


def _external_without_location(model: ModelProto) -> None:
    """Of which only the list says that it is external."""
    _external_weights(model)
    model.graph.initializer[-1].data_location = TensorProto.DEFAULT


def _external_attribute(model: ModelProto) -> None:
    constant = helper.make_node("Constant", [], ["leak"], value=external_tensor("secret"))
    add_operations(lambda before, output: [constant, *_show(before, output)])(model)


def _sparse_weights(model: ModelProto) -> None:
    indices = numpy_helper.from_array(np.arange(10), "indices")
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(external_tensor("secret"), indices, [10])
    )


def _branch(*, is_external: bool) -> Change:
    def change(model: ModelProto) -> None:
        leak = external_tensor("secret") if is_external else numpy_helper.from_array(np.ones(1))
        value = helper.make_node("Constant", [], ["inner"], value=leak)
        result = helper.make_tensor_value_info("inner", leak.data_type, None)
        branch = helper.make_graph([value], "branch", [], [result])
        node = helper.make_node("If", ["yes"], ["leak"], then_branch=branch, else_branch=branch)
        add_operations(lambda before, output: [node, *_show(before, output)], yes=np.array(True))(
            model
        )

    return change


def _endless_loop(model: ModelProto) -> None:
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["go"]),
            helper.make_node("Identity", ["x"], ["y"]),
        ],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("condition", TensorProto.BOOL, []),
            value("x", TensorProto.FLOAT, None),
        ],
        [value("go", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, None)],
    )
    add_operations(
        lambda before, output: [helper.make_node("Loop", ["", "yes", before], [output], body=body)],
        yes=np.array(True),
    )(model)


def _function(model: ModelProto) -> None:
    model.functions.append(
        helper.make_function(
            "own",
            "Hidden",
            ["x"],
            ["y"],
            [helper.make_node("Identity", ["x"], ["y"])],
            [helper.make_opsetid("", 17)],
        )
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    add_operations(
        lambda before, output: [helper.make_node("Hidden", [before], [output], domain="own")]
    )(model)


def _foreign_operator(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    add_operations(
        lambda before, output: [
            helper.make_node("Gelu", [before], [output], domain="com.microsoft")
        ]
    )(model)


def _training(model: ModelProto) -> None:
    model.training_info.add().algorithm.name = "again"


def _missing_values(model: ModelProto) -> None:
    model.graph.initializer.append(
        TensorProto(name="empty", data_type=TensorProto.FLOAT, dims=[10**13], raw_data=b"")
    )


def _text(model: ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"a"]))


def _unknown_operator(model: ModelProto) -> None:
    add_operations(
        lambda before, output: [helper.make_node("RandomNormalLike", [before], [output])]
    )(model)


def _mean_of(nodes: Callable[[], Sequence[NodeProto]], **weights: Any) -> Change:
    """Return a change that adds the mean of a tensor "huge" to the output."""
    return add_operations(
        lambda before, output: [
            *nodes(),
            helper.make_node("ReduceMean", ["huge"], ["mean"], keepdims=0),
            helper.make_node("Add", [before, "mean"], [output]),
        ],
        **weights,
    )


def _node(operator: str, *inputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs, ["huge"], **attributes)


def _doubled(times: int) -> list[NodeProto]:
    names = ["one", *(f"double {index}" for index in range(times - 1)), "huge"]
    return [
        helper.make_node("Concat", [names[index]] * 2, [names[index + 1]], axis=0)
        for index in range(times)
    ]


def _for_some_batches(model: ModelProto) -> None:
    """Of (N - 1)^8 numbers for N images."""
    names = ["count", "square", "fourth", "eighth"]
    add_operations(
        lambda before, output: [
            helper.make_node("Shape", [before], ["lengths"], end=1),
            helper.make_node("Sub", ["lengths", "one"], ["count"]),
            *(helper.make_node("Mul", [each] * 2, [square]) for each, square in pairwise(names)),
            helper.make_node("ConstantOfShape", ["eighth"], ["huge"]),
            helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
            helper.make_node("Add", [before, "sum"], [output]),
        ],
        one=np.array([1]),
    )(model)


def _slow(model: ModelProto) -> None:
    """Of 2e13 multiplications with matrices of 30 MB each."""
    size, times = 2_800, 1_000
    names = ["square", *(f"power {index}" for index in range(times - 1)), "huge"]
    _mean_of(
        lambda: [
            helper.make_node("Expand", ["one", "sizes"], ["square"]),
            *(
                helper.make_node("MatMul", [names[index], "square"], [names[index + 1]])
                for index in range(times)
            ),
        ],
        one=np.ones(1, np.float32),
        sizes=np.array([size, size]),
    )(model)


_ONE = np.ones(1, np.float32)
_IMAGE = np.ones((1, 1, 4, 4), np.float32)

# Each with what the message says.
NOT_ONLY_A_NETWORK: dict[str, tuple[Change, str]] = {
    "weights in another file": (_external_weights, "'leak' are in another file"),
    "weights in another file, denied": (_external_without_location, "'leak' are in another file"),
    "a constant in another file": (_external_attribute, "'leak' are in another file"),
    "sparse weights": (_sparse_weights, "it has sparse weights"),
    "a branch": (_branch(is_external=False), "an operation If it has a graph within it"),
    "a branch with a file": (_branch(is_external=True), "an operation If it has a graph"),
    "an endless loop": (_endless_loop, "an operation Loop it has a graph within it"),
    "a function": (_function, "it has functions of its own"),
    "another domain": (_foreign_operator, r"the operator com\.microsoft\.Gelu"),
    "a training": (_training, "it has a training graph"),
    "text": (_text, "it has text in place of numbers"),
    "an unknown operator": (_unknown_operator, "the operator RandomNormalLike"),
    "weights without values": (_missing_values, "'empty' should have the shape"),
}
TOO_LARGE: dict[str, Change] = {
    "ConstantOfShape": _mean_of(lambda: [_node("ConstantOfShape", "n")], n=np.array([10**13])),
    "Expand": _mean_of(lambda: [_node("Expand", "one", "n")], one=_ONE, n=np.array([10**13])),
    "Expand, two axes": _mean_of(
        lambda: [_node("Expand", "one", "n")], one=_ONE, n=np.array([10**5, 10**5])
    ),
    "Tile": _mean_of(lambda: [_node("Tile", "one", "n")], one=_ONE, n=np.array([10**11])),
    "Pad": _mean_of(lambda: [_node("Pad", "one", "n")], one=_ONE, n=np.array([0, 10**11])),
    "Range": _mean_of(
        lambda: [_node("Range", "a", "b", "c")],
        a=np.float32(0),
        b=np.float32(1e11),
        c=np.float32(1),
    ),
    "Resize": _mean_of(
        lambda: [_node("Resize", "image", "", "scales")],
        image=_IMAGE,
        scales=np.array([1, 1, 1e5, 1e5], np.float32),
    ),
    "OneHot": _mean_of(
        lambda: [_node("OneHot", "at", "depth", "pair")],
        at=np.array([1]),
        depth=np.array(10**12),
        pair=np.ones(2, np.float32),
    ),
    "MatMul": _mean_of(
        lambda: [_node("MatMul", "column", "row")],
        column=np.ones((100_000, 1), np.float32),
        row=np.ones((1, 100_000), np.float32),
    ),
    "Add": _mean_of(
        lambda: [_node("Add", "column", "row")],
        column=np.ones((100_000, 1), np.float32),
        row=np.ones((1, 100_000), np.float32),
    ),
    "Gather": _mean_of(
        lambda: [_node("Gather", "rows", "at")],
        rows=np.ones((1, 100_000), np.float32),
        at=np.zeros(100_000, np.int64),
    ),
    "Einsum": _mean_of(
        lambda: [_node("Einsum", "line", "line", equation="i,j->ij")],
        line=np.ones(100_000, np.float32),
    ),
    "Conv": _mean_of(
        lambda: [_node("Conv", "image", "kernel", pads=[10**5] * 4)],
        image=_IMAGE,
        kernel=np.ones((1, 1, 3, 3), np.float32),
    ),
    "ConvTranspose": _mean_of(
        lambda: [_node("ConvTranspose", "large", "wide")],
        large=np.ones((1, 1, 300, 300), np.float32),
        wide=np.ones((1, 1, 300, 300), np.float32),
    ),
    "MaxPool": _mean_of(
        lambda: [_node("MaxPool", "image", kernel_shape=[10**5] * 2, pads=[99_999] * 4)],
        image=_IMAGE,
    ),
    "Concat, doubled": _mean_of(lambda: _doubled(40), one=_ONE),
    "much work": _slow,
}
FOR_SOME_BATCHES = _for_some_batches


def _then(operator: str, **attributes: Any) -> Change:
    return add_operations(
        lambda before, output: [helper.make_node(operator, [before], [output], **attributes)]
    )


NO_PROBABILITIES: dict[str, tuple[Change, str]] = {
    "not a number": (
        add_operations(
            lambda before, output: [
                helper.make_node("Neg", [before], ["below"]),
                helper.make_node("Sqrt", ["below"], [output]),
            ]
        ),
        "values from nan to nan",
    ),
    "infinity": (
        add_operations(
            lambda before, output: [helper.make_node("Div", [before, "zero"], [output])],
            zero=np.float32(0),
        ),
        "values from",
    ),
    "above 1": (
        add_operations(
            lambda before, output: [helper.make_node("Mul", [before, "many"], [output])],
            many=np.float32(255),
        ),
        "values from",
    ),
    "below 0": (_then("Neg"), "values from"),
    "another sum": (_then("Sqrt"), "a row that sums to"),
}


def changed(content: bytes, change: Change) -> bytes:
    """Return an ONNX file with a change."""
    model = onnx.load_model_from_string(content)
    change(model)
    return model.SerializeToString()
