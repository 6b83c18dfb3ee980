"""`check_batch`: what a network of OpenVINO takes for a batch, before it is compiled and run.

OpenVINO computes the shape of every result itself, from the graph alone.
"""

import math
from typing import Any

from clearsight.bundle.onnx_check.size import Cost, cost_of_results
from clearsight.bundle.spec import INPUT_NAME

# They run other graphs, as often as a condition says; the last two keep what an earlier run left.
_REFUSED = ("If", "Loop", "TensorIterator", "Assign", "ReadValue")


def check_batch(model: Any, num_images: int, image_shape: tuple[int, int, int]) -> Cost:
    """Compute what a batch takes.

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
            sizes.append(size)
            work += _work(operation, size)
    return cost_of_results(sizes, work, image_shape, num_images)


def _work(operation: Any, size: int) -> int:
    """Return the multiplications or comparisons for results of `size` numbers."""
    kind, attributes = operation.get_type_name(), operation.get_attributes()
    if "kernel" in attributes:  # poolings
        return size * math.prod(attributes["kernel"])
    if kind not in ("MatMul", "Convolution", "GroupConvolution", "ConvolutionBackpropData",
                    "GroupConvolutionBackpropData"):  # fmt: skip
        return 0
    left, right = (_lengths(operation.input(i).get_partial_shape()) for i in range(2))
    if kind == "MatMul":
        return size * left[-2 if attributes.get("transpose_a") and len(left) > 1 else -1]
    channels = math.prod(right[2 if kind.startswith("Group") else 1 :])
    return (math.prod(left) if "Backprop" in kind else size) * channels


def _lengths(shape: Any) -> list[int]:
    return list(shape.to_shape())
