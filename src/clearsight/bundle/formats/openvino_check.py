"""`check_batch`: the memory and work that an OpenVINO network needs for a batch, before it runs.

OpenVINO computes the shape of every result itself, from the graph alone.
"""

import math
from typing import Any

from clearsight.bundle.onnx_check.size import Cost, cost_of_results
from clearsight.bundle.spec import INPUT_NAME

# They run other graphs, as often as a condition says; the last two keep what an earlier run left.
_REFUSED = ("If", "Loop", "TensorIterator", "Assign", "ReadValue")
_SEQUENCES = ("GRUSequence", "LSTMSequence", "RNNSequence")
_WITH_PRODUCTS = {
    *_SEQUENCES, "Convolution", "ConvolutionBackpropData", "Einsum", "GroupConvolution",
    "GroupConvolutionBackpropData", "MatMul", "ScaledDotProductAttention",
}  # fmt: skip


def check_batch(model: Any, num_images: int, image_shape: tuple[int, int, int]) -> Cost:
    """Compute the cost of a batch.

    Args:
        model: an ``openvino.Model``, which stays as it is.
        num_images: in the batch.
        image_shape: height, width and channels.

    Raises:
        ValueError: if it has loops, branches or a state, if a result's shape depends on the values
            of images, or if it takes more than a classifier of images would.
        RuntimeError: if OpenVINO cannot compute the shapes.
    """
    batch = model.clone()
    batch.reshape({INPUT_NAME: [num_images, *image_shape]})
    sizes, work = [], 0
    for operation in batch.get_ops():
        kind = operation.get_type_name()
        if kind in _REFUSED:
            raise ValueError(f"it has the operation {kind}, which clearsight never writes")
        shapes = [each.get_partial_shape() for each in operation.outputs()]
        if any(shape.is_dynamic for shape in shapes):
            raise ValueError(f"the shape of its {kind} depends on the images")
        if kind != "Constant":  # of the file
            size = sum(math.prod(_lengths(shape)) for shape in shapes)
            sizes += [size, _num_scores(operation)]
            work += _work(operation, size)
    return cost_of_results(sizes, work, image_shape, num_images)


def _num_scores(operation: Any) -> int:
    """Return how many scores an attention holds: of each position for each other one."""
    if operation.get_type_name() != "ScaledDotProductAttention":
        return 0
    queries, keys = (_lengths(operation.input(i).get_partial_shape()) for i in range(2))
    return math.prod(queries[:-1]) * keys[-2]


def _work(operation: Any, size: int) -> int:
    """Return the multiplications or comparisons for results of `size` numbers."""
    kind, attributes = operation.get_type_name(), operation.get_attributes()
    if "kernel" in attributes:  # poolings
        return size * math.prod(attributes["kernel"])
    if kind not in _WITH_PRODUCTS:
        return 0
    inputs = [_lengths(each.get_partial_shape()) for each in operation.inputs()]
    if kind == "ScaledDotProductAttention":
        return 2 * _num_scores(operation) * max(shape[-1] for shape in inputs[:3])
    if kind == "Einsum":
        return math.prod(map(math.prod, inputs))
    if kind in _SEQUENCES:  # each step takes all weights
        return math.prod(inputs[0][:2]) * sum(map(math.prod, inputs[2:]))
    left, right = inputs[:2]
    if kind == "MatMul":
        return size * left[-2 if attributes.get("transpose_a") and len(left) > 1 else -1]
    channels = math.prod(right[2 if kind.startswith("Group") else 1 :])
    return (math.prod(left) if "Backprop" in kind else size) * channels


def _lengths(shape: Any) -> list[int]:
    return list(shape.to_shape())
