"""What stands around each training step: batches done before are passed over, and a loss that is no
finite number stops the training before it spoils the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from clearsight.engine.batches import InMemoryBatches, is_skipped
from clearsight.engine.metrics import LazyLogs
from clearsight.models.backend import keras
from clearsight.models.graph import get_graph

# On a GPU reading a loss waits for it, so there only every so many steps are looked at.
_STEPS_BETWEEN_LOOKS = {"cpu": 1, "cuda": 50}


class NonFiniteLossError(Exception):
    """The loss became NaN or infinite.

    Attributes:
        layer: the first layer with a value that is not finite, or None where there is none.
        is_weight: whether that value is one of its weights, rather than of its output.
        places: which images the batch was made of.
        learning_rate: of this step.
    """

    def __init__(
        self, layer: str | None, is_weight: bool, places: tuple[int, ...], learning_rate: float
    ) -> None:
        super().__init__(layer, is_weight, places, learning_rate)
        self.layer = layer
        self.is_weight = is_weight
        self.places = places
        self.learning_rate = learning_rate


@contextmanager
def watched_steps(model: keras.Model, batches: InMemoryBatches) -> Iterator[None]:
    """Watch the steps of `fit` within the block.

    Whoever computes the step, Keras or the engine, hands its loss to the optimizer's `scale_loss`
    before the weights change: there it is looked at.

    Raises:
        NonFiniteLossError: from within `fit`; the weights are then those before the step.
    """
    own: Any = model
    optimizer = own.optimizer
    step, scale = own.train_step, optimizer.scale_loss
    num_steps = 0
    batch: Any = None

    def train_step(data: Any) -> Any:
        nonlocal batch
        if is_skipped(data):
            return LazyLogs(own)
        batch = data
        return step(data)

    def scale_loss(loss: Any) -> Any:
        nonlocal num_steps
        num_steps += 1
        every = _STEPS_BETWEEN_LOOKS.get(loss.device.type, 1)
        if num_steps % every == 0 and not bool(torch.isfinite(loss.detach()).all()):
            x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
            places = batches.places
            raise NonFiniteLossError(
                *first_non_finite(model, x),
                tuple(places.tolist()) if places is not None else (),
                float(optimizer.learning_rate.numpy()),
            )
        return scale(loss)

    own.train_step, optimizer.scale_loss = train_step, scale_loss
    try:
        yield
    finally:
        own.train_step = step
        del optimizer.scale_loss


def non_finite_weights(model: keras.Model) -> NonFiniteLossError:
    """Return the error for a validation loss that is no finite number, with the layer at fault."""
    optimizer: Any = model.optimizer
    spoiled = (
        layer.name
        for layer in model.layers
        if not all(bool(torch.isfinite(weight.value).all()) for weight in layer.weights)
    )
    name = next(spoiled, None)
    return NonFiniteLossError(name, name is not None, (), float(optimizer.learning_rate.numpy()))


def first_non_finite(model: keras.Model, x: Any) -> tuple[str | None, bool]:
    """Find where a batch first meets a value that is not finite.

    Args:
        model: Sequential or Functional.
        x: the batch's images, (B, H, W, C).

    Returns:
        The layer's name, and whether the value is one of its weights; None where all is finite.
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
                call.replay(training=True)(*(values[id(tensor)] for tensor in call.inputs))
            )
            if not all(bool(torch.isfinite(output).all()) for output in outputs):
                return call.layer.name, False
            values.update(zip(map(id, call.outputs), outputs, strict=True))
    return None, False
