"""`trace`, as Python users call it."""

from collections.abc import Callable, Mapping
from typing import Any, overload

from clearsight.errors import ModelError, RequestError, describe_found
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.build_failure import explain_build_errors
from clearsight.models.comparison import TraceComparison, compare_traces
from clearsight.models.graph import get_graph
from clearsight.models.trace import Trace, trace_model
from clearsight.option_names import option

_OWN_NAMES = ("against", "against_arguments", "input_shape")  # of `trace`
Network = str | keras.Model | Callable[..., keras.Model]


@overload
def trace(  # pyright: ignore[reportOverlappingOverload] - a base of Keras's classes is unknown
    model: Network,
    input_shape: tuple[int, int, int] | None = None,
    *,
    against: Network,
    against_arguments: Mapping[str, Any] | None = None,
    **model_arguments: Any,
) -> TraceComparison: ...


@overload
def trace(
    model: Network,
    input_shape: tuple[int, int, int] | None = None,
    *,
    against: None = None,
    **model_arguments: Any,
) -> Trace: ...


def trace(
    model: Network,
    input_shape: tuple[int, int, int] | None = None,
    *,
    against: Network | None = None,
    against_arguments: Mapping[str, Any] | None = None,
    **model_arguments: Any,
) -> Trace | TraceComparison:
    """Trace a network layer by layer, before it is trained, or compare it with another.

    Args:
        model: a Sequential or Functional `keras.Model`; a function that returns one, and may take
            input_shape and num_classes; or a value of `clearsight train --model`: a name such as
            "lesson", "FILE.keras", "FILE.py:FUNCTION".
        input_shape: height, width and channels, for a model whose input size is open.
        against: another network, as `model`.
        against_arguments: options of `against`, if it is given by name or as a function.
        **model_arguments: options of `model`, likewise.

    Returns:
        The `Trace` of the network; with `against` a `TraceComparison`, which explains each
        difference. Both are printed as a table.

    Raises:
        ModelError: if a model is unknown, cannot be built, or its input size is open.
        RequestError: if an argument is something else, or there are options for a second network,
            but there is none.

    Example:
        >>> [layer.output_shape for layer in trace("lesson").layers][:3]
        [(28, 28, 32), (14, 14, 32), (14, 14, 64)]
        >>> print(trace("lesson", against="lesson", against_arguments={"num_blocks": 3}).summary)
        The second has 290,752 fewer parameters (130,890) and 1,478,656 more multiply-adds ...
    """
    if input_shape is not None:
        input_shape = _check_input_shape(input_shape)
    if not isinstance(against_arguments, Mapping | None):
        raise RequestError(
            f"{option('against_arguments')} should be a dict of options, such as "
            f"{{'num_blocks': 3}}, but is {describe_found(against_arguments)}."
        )
    first = _trace_one(model, input_shape, model_arguments)
    if against is not None:
        return compare_traces(first, _trace_one(against, input_shape, against_arguments or {}))
    if against_arguments:
        raise RequestError(
            f"{option('against_arguments')} is an option of the second network, but there is none: "
            f"add {option('against', form='MODEL')}."
        )
    return first


def _trace_one(
    model: Network, input_shape: tuple[int, int, int] | None, arguments: Mapping[str, Any]
) -> Trace:
    if not isinstance(model, keras.Model) or arguments:
        model = build_model(ModelRequest(model, arguments, input_shape, other_names=_OWN_NAMES))
    return trace_model(_with_input_size(model, input_shape))


def _check_input_shape(given: Any) -> tuple[int, int, int]:
    """Return a shape as a tuple.

    Raises:
        RequestError: when it is something else.
    """
    is_shape = isinstance(given, tuple | list) and len(given) == 3
    if not (is_shape and all(type(size) is int and size > 0 for size in given)):
        raise RequestError(
            f"{option('input_shape')} should be height, width and channels, such as (28, 28, 1), "
            f"but is {describe_found(given)}."
        )
    height, width, channels = given
    return height, width, channels


def _with_input_size(model: keras.Model, input_shape: tuple[int, int, int] | None) -> keras.Model:
    """Return the model, or a clone with `input_shape` if its own input size is open."""
    if not model.built and isinstance(model, keras.Sequential) and input_shape is not None:
        model = keras.models.clone_model(model)  # the user's own model is not changed
        with explain_build_errors(f"'{model.name}'"):
            model.build((None, *input_shape))
    inputs = get_graph(model).inputs
    if len(inputs) > 1 and any(None in tensor.shape[1:] for tensor in inputs):
        raise ModelError(
            f"'{model.name}' has {len(inputs)} inputs, some of an open size: give each input its "
            "size in the model itself."
        )
    found = tuple(next(iter(inputs)).shape[1:])
    if None not in found:
        if input_shape is not None and found != tuple(input_shape):
            raise ModelError(
                f"'{model.name}' takes images of shape {found}, but {option('input_shape')} says "
                f"{tuple(input_shape)}: leave it out."
            )
        return model
    if input_shape is None:
        raise ModelError(
            f"'{model.name}' has an open input size, {found}: give the size to trace it at, e.g. "
            f"{option('input_shape', (224, 224, 3))}."
        )
    return keras.models.clone_model(model, input_tensors=keras.Input(shape=input_shape))
