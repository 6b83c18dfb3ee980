"""Watch each training step: skip batches trained on before, and stop at a non-finite loss.

A non-finite loss stops the training before it spoils the weights.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from clearsight.engine.batches import SKIPPED, InMemoryBatches
from clearsight.engine.metrics import DeferredLogs
from clearsight.engine.step_control import step_control
from clearsight.models.backend import keras
from clearsight.models.graph import get_graph

# Reading a loss on a GPU waits for it, so only the loss of every 50th step is checked there.
_STEPS_BETWEEN_CHECKS = {"cpu": 1, "cuda": 50}


class NonFiniteLossError(Exception):
    """The loss became NaN or infinite.

    Attributes:
        layer: the first layer with a non-finite value, or None if there is none.
        is_weight: whether that value is one of its weights, rather than of its output.
        indices: of the batch's training images.
        learning_rate: of this step.
    """

    def __init__(
        self, layer: str | None, is_weight: bool, indices: tuple[int, ...], learning_rate: float
    ) -> None:
        super().__init__(layer, is_weight, indices, learning_rate)
        self.layer = layer
        self.is_weight = is_weight
        self.indices = indices
        self.learning_rate = learning_rate


@contextmanager
def watched_steps(model: keras.Model, batches: InMemoryBatches) -> Iterator[None]:
    """Watch the steps of `fit` within the block.

    The engine's steps have a hook for the loss; Keras's own steps call `compute_loss`, which Keras
    documents as a method to override. Both come before the weights change.

    Raises:
        NonFiniteLossError: from within `fit`; the weights are then those before the step.
    """
    own: Any = model
    step, own_loss, control = own.train_step, own.compute_loss, step_control(model)
    num_losses = 0
    batch: Any = None  # None outside of training steps

    def train_step(data: Any) -> Any:
        nonlocal batch
        if data is SKIPPED:
            return DeferredLogs(own)
        batch = data
        try:
            return step(data)
        finally:
            batch = None

    def check(loss: torch.Tensor) -> None:
        nonlocal num_losses
        num_losses += 1
        every = _STEPS_BETWEEN_CHECKS.get(loss.device.type, 1)
        if num_losses % every == 0 and not bool(torch.isfinite(loss).all()):
            x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
            indices = batches.indices
            raise NonFiniteLossError(
                *find_non_finite(model, x),
                tuple(indices.tolist()) if indices is not None else (),
                float(own.optimizer.learning_rate.numpy()),
            )

    def compute_loss(*args: Any, **kwargs: Any) -> Any:
        loss = own_loss(*args, **kwargs)
        if batch is not None:
            check(loss.detach())
        return loss

    with ExitStack() as stack:
        stack.enter_context(_overridden(model, "train_step", train_step))
        if control is None:
            stack.enter_context(_overridden(model, "compute_loss", compute_loss))
        else:
            control.check_loss = check
            stack.callback(setattr, control, "check_loss", None)
        yield


@contextmanager
def _overridden(model: keras.Model, name: str, method: Callable[..., Any]) -> Iterator[None]:
    """Override a method of one model within the block."""
    before = vars(model).get(name)
    setattr(model, name, method)
    try:
        yield
    finally:
        if before is None:
            delattr(model, name)
        else:
            setattr(model, name, before)


def non_finite_validation_loss(model: keras.Model) -> NonFiniteLossError:
    """Return the error for a non-finite validation loss, with the layer at fault."""
    optimizer: Any = model.optimizer
    spoiled = (
        layer.name
        for layer in model.layers
        if not all(bool(torch.isfinite(weight.value).all()) for weight in layer.weights)
    )
    name = next(spoiled, None)
    return NonFiniteLossError(name, name is not None, (), float(optimizer.learning_rate.numpy()))


def find_non_finite(model: keras.Model, x: Any) -> tuple[str | None, bool]:
    """Find the first non-finite value that a batch leads to.

    Args:
        model: Sequential or Functional.
        x: the batch's images, (B, H, W, C).

    Returns:
        The layer's name, and whether the value is one of its weights; None if all are finite.
    """
    graph = get_graph(model)
    values: dict[int, Any] = {id(tensor): x for tensor in graph.inputs}
    with torch.no_grad():
        for call in graph.calls:
            if call.is_input:
                continue
            weights = getattr(call.layer, "weights", ())
            if not all(bool(torch.isfinite(weight.value).all()) for weight in weights):
                return call.layer.name, True
            outputs = keras.tree.flatten(
                call.replay(*(values[id(tensor)] for tensor in call.inputs), training=True)
            )
            if not all(bool(torch.isfinite(output).all()) for output in outputs):
                return call.layer.name, False
            values.update(zip(map(id, call.outputs), outputs, strict=True))
    return None, False
