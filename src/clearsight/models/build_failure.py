"""Explain why a network cannot be built: which layer, what its input was, and what it needs."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from clearsight.errors import ModelError
from clearsight.models.backend import keras

_MAX_CHARACTERS = 200  # of another library's message


@contextmanager
def explain_build_errors(name: str) -> Iterator[None]:
    """Turn any exception raised while the network `name` is built into a `ModelError`.

    Raises:
        ModelError: with the layer that failed, the shape of its input, and what it needs.
    """
    was_filtering = keras.config.is_traceback_filtering_enabled()
    # Keras trims tracebacks down to the user's own lines; the layer's frame is needed here.
    keras.config.disable_traceback_filtering()
    try:
        yield
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        found = _failing_layer(error.__traceback__)
        reason = _explain_layer(*found, str(error)) if found else describe_error(error)
        raise ModelError(f"{name} cannot be built: {reason}") from error
    finally:
        if was_filtering:
            keras.config.enable_traceback_filtering()


def check_output_sizes(model: keras.Model, name: str) -> None:
    """Reject layers with an empty output, which Keras 3.14 builds and later versions do not.

    Raises:
        ModelError: with the layer, the shape of its input, and what it needs.
    """
    for layer in model.layers:
        try:
            inputs, outputs = (keras.tree.flatten(each) for each in (layer.input, layer.output))
        except (AttributeError, ValueError):  # not called within the model, or several times
            continue
        if any(0 in output.shape for output in outputs):
            shapes = [tuple(each.shape) for each in inputs]
            reason = _explain_layer(layer, shapes, "its output would be empty")
            raise ModelError(f"{name} cannot be built: {reason}")


def describe_error(error: BaseException) -> str:
    """Return an exception's type, first line and location: "KeyError: 'units' (net.py:12)"."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    if len(lines[0]) > _MAX_CHARACTERS:  # Keras's errors may hold a network's whole configuration
        lines[0] = f"{lines[0][:_MAX_CHARACTERS]}..."
    location = ""
    if error.__traceback__ is not None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        location = f" ({Path(last.filename).name}:{last.lineno})"
    return f"{type(error).__name__}: {lines[0]}{location}"


def _explain_layer(layer: Any, shapes: list[tuple[int | None, ...]], reason: str) -> str:
    inputs = " and ".join(str(shape[1:]) for shape in shapes)
    layer_type = type(layer).__name__
    window = _too_large_window(layer, shapes[0])
    if window is None:
        first_line = (reason.strip() or "no message").splitlines()[0]
        return f"layer '{layer.name}' ({layer_type}) rejects its input {inputs}: {first_line}"
    rows, columns = window
    fix = "larger images, fewer blocks or a smaller window"
    if hasattr(layer, "kernel_size"):
        fix += ", or padding='same', which keeps the size"
    return (
        f"layer '{layer.name}' ({layer_type} {rows}x{columns}, padding '{layer.padding}') gets a "
        f"map of {inputs}, but needs at least {rows} rows and {columns} columns for its "
        f"{rows}x{columns} window. Use {fix}."
    )


def _failing_layer(trace: TracebackType | None) -> tuple[Any, list[tuple[int | None, ...]]] | None:
    """Find the innermost layer being called, and the shapes of its inputs."""
    found = None
    while trace is not None:
        frame = trace.tb_frame
        layer = frame.f_locals.get("self")
        is_call = frame.f_code.co_name == "__call__" and isinstance(layer, keras.Layer)
        if is_call and not isinstance(layer, keras.Model):
            arguments = keras.tree.flatten(frame.f_locals.get("args", ()))
            shapes = [tuple(argument.shape) for argument in arguments if hasattr(argument, "shape")]
            if shapes:
                found = layer, shapes
        trace = trace.tb_next
    return found


def _too_large_window(layer: Any, shape: tuple[int | None, ...]) -> tuple[int, int] | None:
    """Return rows and columns of a layer's dilated window if an input map is smaller, else None."""
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size is None or len(size) != 2 or len(shape) != 4 or layer.padding != "valid":
        return None
    dilation = getattr(layer, "dilation_rate", (1, 1))
    rows, columns = ((length - 1) * step + 1 for length, step in zip(size, dilation, strict=True))
    height, width = shape[1:3] if layer.data_format == "channels_last" else shape[2:]
    fits = (height is None or height >= rows) and (width is None or width >= columns)
    return None if fits else (rows, columns)
