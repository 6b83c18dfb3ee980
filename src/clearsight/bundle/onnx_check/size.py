"""`Measure`: how much memory and work a network needs for a batch, before anything runs."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from clearsight.bundle.onnx_check.model import OnnxModel, Tensor
from clearsight.bundle.onnx_check.operators import follow

_BATCH_VALUES = 2**28  # numbers in memory for several images, 1 GiB as float32
# How many numbers one image may need in memory: a multiple of the image's values, between a minimum
# and a maximum. A grey image and 512 channels of the same size are 513 times its values.
_VALUES_PER_INPUT, _MIN_VALUES, _MAX_VALUES = 2_048, 2**26, 2**30
# ResNet-152 takes 80,000 multiply-adds for each value of an image, VGG-19 130,000, and a wide
# residual network 6e9 for a small image.
_WORK_PER_INPUT, _MIN_WORK, _MAX_WORK = 10**6, 10**11, 2 * 10**12
_WORK_PER_OUTPUT = 16  # a function such as tanh, and the way through memory
_RESULTS_AT_ONCE = 4  # all results together are more than those in memory at any time
_PER_WEIGHT = 2  # constants that are computed from weights: converted and transposed


@dataclass(frozen=True)
class Cost:
    """The memory and work that one batch needs.

    Attributes:
        num_values: the most numbers in memory at once, besides weights and constants.
        num_constants: the numbers that are computed from weights alone, once and for all.
        work: multiply-adds, or as many other operations.
    """

    num_values: int
    num_constants: int
    work: int


def cost_limit(image_shape: tuple[int, int, int], num_images: int, num_weights: int) -> Cost:
    """Return the highest cost that a batch may have with a network of so many weights."""
    size = math.prod(image_shape)
    values = min(max(_VALUES_PER_INPUT * size, _MIN_VALUES), _MAX_VALUES)
    work = min(max(_WORK_PER_INPUT * size, _MIN_WORK), _MAX_WORK)
    return Cost(
        values if num_images == 1 else max(values, _BATCH_VALUES),
        values + _PER_WEIGHT * num_weights,
        work * num_images,
    )


def cost_of_results(
    sizes: Sequence[int], work: int, image_shape: tuple[int, int, int], num_images: int = 1
) -> Cost:
    """Return the cost of a batch whose results are known, but not how long each is kept.

    Args:
        sizes: the numbers in each result.
        work: for all of them, besides one number each.
        image_shape: height, width and channels.
        num_images: in the batch.

    Raises:
        ValueError: if it is more than a classifier of images would take.
    """
    total, largest = sum(sizes), max(sizes, default=0)
    limit = cost_limit(image_shape, num_images, 0)
    cost = Cost(max(largest, total // _RESULTS_AT_ONCE), 0, work + _WORK_PER_OUTPUT * total)
    if cost.num_values > limit.num_values or cost.work > limit.work:
        raise ValueError(
            f"it would take {total:,} numbers and {cost.work:,} multiplications, more than a "
            "classifier of images does"
        )
    return cost


def images_at_once(cost: Cost) -> int:
    """Return how many images to run at once if one image has this cost."""
    return max(1, _BATCH_VALUES // max(1, cost.num_values))


@dataclass(frozen=True, eq=False)
class Measure:
    """A network's costs, each of which is computed once.

    Attributes:
        model: the network.
        image_shape: height, width and channels of an image.
    """

    model: OnnxModel
    image_shape: tuple[int, int, int]
    _costs: dict[int, Cost] = field(default_factory=dict, init=False, repr=False)

    @property
    def max_images(self) -> int:
        """How many images to run at once."""
        return images_at_once(self.of_batch(1))

    def of_batch(self, num_images: int) -> Cost:
        """Return the cost of a batch.

        Raises:
            ValueError: if the graph is not valid, has an unknown operator, or takes more than a
                classifier of images would.
        """
        if num_images not in self._costs:
            self._costs[num_images] = self._follow_graph(num_images)
        return self._costs[num_images]

    def _follow_graph(self, num_images: int) -> Cost:
        model = self.model
        limit = cost_limit(self.image_shape, num_images, self._num_weights)
        known: dict[str, Tensor | None] = {
            "": None,  # an input that is left out
            **model.weights,
            model.input: Tensor((num_images, *self.image_shape)),
        }
        num_uses = Counter(name for node in model.nodes for name in node.inputs)
        num_uses[model.output] += 1
        held = num_images * math.prod(self.image_shape)
        most = num_constants = work = 0
        for node in model.nodes:
            absent = next((name for name in node.inputs if name not in known), None)
            if absent is not None:
                raise ValueError(f"its {node.operator} uses '{absent}' before it is computed")
            step = follow(node, tuple(known[name] for name in node.inputs))
            size = sum(math.prod(tensor.shape) for tensor in step.outputs)
            work += step.work + _WORK_PER_OUTPUT * size
            if not step.outputs[0].is_constant:
                held += size
            elif node.operator != "Constant":  # which is in the file, as weights are
                num_constants += size
            most = max(most, held + step.workspace)
            if most > limit.num_values or num_constants > limit.num_constants or work > limit.work:
                raise ValueError(
                    f"its {node.operator} would take {max(most, num_constants):,} numbers in "
                    f"memory and {work:,} multiplications, more than a classifier of images does"
                )
            for name, tensor in zip(node.outputs, step.outputs, strict=True):
                if name in known:
                    raise ValueError(f"two of its values are called '{name}'")
                known[name] = tensor
            num_uses.subtract(node.inputs)
            for name in {*node.inputs, *node.outputs}:
                tensor = known[name]
                if tensor is not None and not num_uses[name] and not tensor.is_constant:
                    held -= math.prod(tensor.shape)
        if model.output not in known:
            raise ValueError("its output is never computed")
        return Cost(most, num_constants, work)

    @cached_property
    def _num_weights(self) -> int:
        constants = (each for node in self.model.nodes for each in node.attributes.values())
        tensors = [*self.model.weights.values(), *constants]
        return sum(math.prod(each.shape) for each in tensors if isinstance(each, Tensor))
