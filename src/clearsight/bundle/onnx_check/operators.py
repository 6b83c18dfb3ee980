"""The operators that a network may use: those whose results' shapes are computed here.

They are what torch's exporters and ONNX Runtime's quantizer write for Keras's layers. Left out are
loops and branches, which may never end; operators whose results depend on the values of images, not
only on their shape; random ones; sequences; text; and every operator that is not of the standard
domain.
"""

from collections.abc import Callable
from dataclasses import dataclass

from clearsight.bundle.onnx_check import movement, windows
from clearsight.bundle.onnx_check.call import OnnxCall, Shape
from clearsight.bundle.onnx_check.model import OnnxNode, Tensor
from clearsight.bundle.onnx_check.shape_values import compute_values

_SAME_SHAPE = (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization",
    "BitwiseNot", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh", "CumSum",
    "DequantizeLinear", "Elu", "Erf", "Exp", "EyeLike", "Floor", "Gelu", "GroupNormalization",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "IsInf",
    "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization",
    "MeanVarianceNormalization", "Mish", "Neg", "Not", "QuantizeLinear", "RMSNormalization",
    "Reciprocal", "Relu", "Round", "Scatter", "ScatterElements", "ScatterND", "Selu", "Shrink",
    "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan",
    "Tanh", "ThresholdedRelu", "Trilu",
)  # fmt: skip
_BROADCAST = (
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal",
    "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul",
    "Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor",
)  # fmt: skip
_REDUCED = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
)  # fmt: skip
_POOLINGS = ("AveragePool", "LpPool", "MaxPool")
_GLOBAL_POOLINGS = ("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool")

Rule = Callable[[OnnxCall], list[Shape]]

RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME_SHAPE, lambda call: [call.shape(0)]),
    **dict.fromkeys(_BROADCAST, lambda call: [windows.broadcast(*call.shapes)]),
    **dict.fromkeys(_REDUCED, movement.reduced),
    **dict.fromkeys(_POOLINGS, windows.pooling),
    **dict.fromkeys(_GLOBAL_POOLINGS, windows.global_pooling),
    "ArgMax": movement.reduced_to_index,
    "ArgMin": movement.reduced_to_index,
    "Concat": movement.concat,
    "Constant": movement.constant,
    "ConstantOfShape": movement.filled,
    "Conv": windows.convolution,
    "ConvTranspose": windows.transposed_convolution,
    "DepthToSpace": movement.depth_to_space,
    "Dropout": lambda call: [call.shape(0)] * len(call.node.outputs),
    "DynamicQuantizeLinear": lambda call: [call.shape(0), (), ()],
    "Einsum": windows.einsum,
    "Expand": movement.expand,
    "Flatten": movement.flattened,
    "Gather": movement.gather,
    "GatherElements": lambda call: [call.shape(1)],
    "GatherND": movement.gather_nd,
    "Gemm": windows.gemm,
    "MatMul": windows.product,
    "OneHot": movement.one_hot,
    "Pad": movement.padded,
    "Range": movement.range_,
    "Reshape": movement.reshaped,
    "Resize": windows.resize,
    "Shape": movement.shape_of,
    "Size": movement.single,
    "Slice": movement.slice_,
    "SpaceToDepth": movement.space_to_depth,
    "Split": movement.split,
    "Squeeze": movement.squeeze,
    "Tile": movement.tile,
    "TopK": movement.top_k,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
}


@dataclass(frozen=True, eq=False)
class Step:
    """The results of an operation, and its cost.

    Attributes:
        outputs: its results.
        work: multiply-adds, or as many comparisons or functions of one number.
        workspace: values held in memory during the operation, besides inputs and outputs.
    """

    outputs: tuple[Tensor, ...]
    work: int
    workspace: int


def follow(node: OnnxNode, inputs: tuple[Tensor | None, ...]) -> Step:
    """Compute the shapes of an operation's results, and its cost.

    Raises:
        ValueError: if the operator is not known, or does not fit its inputs.
    """
    rule = RULES.get(node.operator)
    if rule is None:
        raise ValueError(f"it has the operator {node.operator}, which clearsight never writes")
    call = OnnxCall(node, inputs)
    try:
        shapes = rule(call)
        if len(node.outputs) > len(shapes) or not node.outputs:
            raise call.wrong("number of outputs")
        is_constant = all(each is None or each.is_constant for each in inputs)
        first = Tensor(shapes[0], compute_values(call, shapes[0]), is_constant)
        others = (Tensor(shape, None, is_constant) for shape in shapes[1 : len(node.outputs)])
        return Step((first, *others), windows.work(call, shapes), windows.workspace(call))
    except (ArithmeticError, IndexError, KeyError, TypeError) as error:
        raise call.wrong(f"form ({error})") from error
