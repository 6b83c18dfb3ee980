"""The graph of a built Keras model: its layer calls, in the order of computation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clearsight.errors import ModelError
from clearsight.models.backend import keras
from clearsight.models.keras_internals.layers import (
    functional_of,
    has_torch_hooks,
    nodes_of,
    with_training,
)
from clearsight.models.keras_internals.names import Functional, get_keras_mask
from clearsight.option_names import option

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One call of a layer within a model.

    Attributes:
        layer: the Keras layer (or operation, or nested model) that is called.
        inputs: the symbolic tensors it is called on; none for an input layer.
        outputs: the symbolic tensors it returns.
        arguments: Keras's record of all arguments.
    """

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    arguments: Any

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Each input's shape without the batch axis."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.inputs)

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """Each output's shape without the batch axis."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.outputs)

    @property
    def output_shape(self) -> Shape:
        """The first output's shape without the batch axis."""
        return self.output_shapes[0]

    @property
    def is_input(self) -> bool:
        """Whether the call is of an input layer."""
        return not self.inputs

    @property
    def is_plain(self) -> bool:
        """Whether it is called on tensors alone, without a mask or other arguments.

        ``training`` does not count, because a model passes it on to all its layers.
        """
        others = [value for name, value in self.arguments.kwargs.items() if name != "training"]
        return len(self.arguments.args) == 1 and all(value is None for value in others)

    @property
    def takes_masks(self) -> bool:
        """Whether Keras attaches a mask to any of its inputs."""
        return any(get_keras_mask(tensor) is not None for tensor in self.inputs)

    @property
    def is_nested_graph(self) -> bool:
        """Whether it only runs the graph of a nested model on its inputs as they are."""
        model = self.layer
        if not isinstance(model, keras.Model) or not uses_default_call(model) or not self.is_plain:
            return False
        given, inner = self.arguments.args[0], functional_of(model).input
        return (
            not self.takes_masks
            and model.activity_regularizer is None
            and not has_torch_hooks(model)
            and _has_structure_of(given, inner)
            and all(map(_is_accepted, keras.tree.flatten(given), keras.tree.flatten(inner)))
        )

    def replay(self, *values: Any, training: bool) -> Any:
        """Make the call on its inputs' values, as the model's graph does.

        The caller opens the model's `call_context`.
        """
        known = dict(zip(map(id, self.inputs), values, strict=True))
        args, kwargs = self.arguments.fill_in(known)
        return with_training(self.layer, training)(*args, **kwargs)


@dataclass(frozen=True)
class Graph:
    """The calls of a model, each after those whose outputs it takes.

    Attributes:
        calls: all calls; shared layers occur more than once.
        layers: each layer once, in the order of ``model.summary()``.
        inputs: the model's symbolic inputs.
        outputs: the model's symbolic outputs.
    """

    calls: tuple[Call, ...]
    layers: tuple[Any, ...]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


def get_graph(model: keras.Model) -> Graph:
    """Return the graph of a Sequential or Functional model.

    Raises:
        ModelError: if the model is subclassed, so that Keras has no graph of it, or has no input
            shape yet.
    """
    functional = functional_of(model)
    if not isinstance(functional, Functional):
        if isinstance(model, keras.Sequential):
            raise ModelError(
                f"'{model.name}' has no input shape yet: set {option('input_shape')}, or begin it "
                "with keras.Input(shape=(height, width, channels))."
            )
        raise ModelError(
            f"'{model.name}' should be a Sequential or Functional model, but is a subclassed "
            f"{type(model).__name__} without a graph: build it with keras.Model(inputs, outputs)."
        )
    return Graph(
        tuple(
            Call(node.operation, tuple(node.input_tensors), tuple(node.outputs), node.arguments)
            for node in nodes_of(functional)
        ),
        tuple(functional.operations),
        tuple(functional.inputs),
        tuple(functional.outputs),
    )


def uses_default_call(model: keras.Model) -> bool:
    """Return whether calling a model runs its graph rather than code of a subclass."""
    return (
        isinstance(functional_of(model), Functional)
        and type(model).call in (Functional.call, keras.Sequential.call)
        and type(model).__call__ is keras.Layer.__call__
        and not {"call", "__call__"} & vars(model).keys()
    )


def _has_structure_of(given: Any, inner: Any) -> bool:
    """Return whether a nested model takes its inputs in the order in which they are given."""
    if len(keras.tree.flatten(given)) == len(keras.tree.flatten(inner)) == 1:
        return True
    try:
        keras.tree.assert_same_structure(*map(keras.tree.lists_to_tuples, (given, inner)))
    except (ValueError, TypeError):
        return False
    return True


def _is_accepted(given: Any, inner: Any) -> bool:
    """Return whether a nested model takes a symbolic tensor without changing its rank or values."""
    is_widened = inner.dtype == "float32" and given.dtype in ("float16", "bfloat16")
    return len(given.shape) == len(inner.shape) and (given.dtype == inner.dtype or is_widened)


def spatial_axes(graph: Graph) -> tuple[int, int]:
    """Return the axes of rows and columns in an image's shape without the batch axis."""
    for call in graph.calls:
        data_format = getattr(call.layer, "data_format", None)
        if data_format is not None and len(call.output_shape) == 3:
            return (1, 2) if data_format == "channels_first" else (0, 1)
    return 0, 1


def is_builtin_layer(layer: Any) -> bool:
    """Return whether a layer is part of Keras, so that loading it needs no other code."""
    return type(layer).__module__.partition(".")[0] == "keras"


NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)


def calls_in_order(model: keras.Model) -> Iterator[Call]:
    """Iterate over the calls of all layers, within nested models too.

    Raises:
        ModelError: as `get_graph`.
    """
    for call in get_graph(model).calls:
        if isinstance(call.layer, keras.Model):
            yield from calls_in_order(call.layer)
        else:
            yield call
