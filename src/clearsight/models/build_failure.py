"""Why a network cannot be built: which layer, what came in, and what it needs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from clearsight.errors import ModelError
from clearsight.models.backend import keras


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn an exception raised while the network `name` is built into one sentence.

    Raises:
        ModelError: naming the layer that refused, the shape that reached it, and what it needs.
    """
    was_filtering = keras.config.is_traceback_filtering_enabled()
    # Keras trims tracebacks down to the user's own lines; the layer's frame is needed here.
    keras.config.disable_traceback_filtering()
    try:
        yield
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} cannot be built: {_reason(error)}") from error
    finally:
        if was_filtering:
            keras.config.enable_traceback_filtering()


def told(error: BaseException) -> str:
    """Return an exception's kind, first line and place, e.g. "KeyError: 'units' (net.py:12)"."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    place = ""
    if error.__traceback__ is not None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f" ({Path(last.filename).name}:{last.lineno})"
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}{place}"


def _reason(error: BaseException) -> str:
    found = _refusing_layer(error.__traceback__)
    if found is None:
        return told(error)
    layer, shapes = found
    came_in = " and ".join(str(shape[1:]) for shape in shapes)
    kind = type(layer).__name__
    window = _window(layer)
    if window is None or not _is_too_large(layer, window, shapes[0]):
        reason = str(error).strip().splitlines()[0]
        return f"layer '{layer.name}' ({kind}) refuses its input {came_in}: {reason}"
    rows, columns = window
    remedy = "larger images, fewer blocks or a smaller window"
    if hasattr(layer, "kernel_size"):
        remedy += ", or padding='same', which keeps the size"
    return (
        f"layer '{layer.name}' ({kind} {rows}x{columns}, padding '{layer.padding}') gets a map of "
        f"{came_in}, but needs at least {rows} rows and {columns} columns for its "
        f"{rows}x{columns} window. Take {remedy}."
    )


def _refusing_layer(
    trace: TracebackType | None,
) -> tuple[Any, list[tuple[int | None, ...]]] | None:
    """Find the innermost layer being called, and the shapes of the tensors it was called with."""
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


def _window(layer: Any) -> tuple[int, int] | None:
    """Return rows and columns that a convolution or pooling layer looks at, or None for others."""
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if size is None or len(size) != 2:
        return None
    dilation = getattr(layer, "dilation_rate", (1, 1))
    rows, columns = ((length - 1) * step + 1 for length, step in zip(size, dilation, strict=True))
    return rows, columns


def _is_too_large(layer: Any, window: tuple[int, int], shape: tuple[int | None, ...]) -> bool:
    if layer.padding != "valid" or len(shape) != 4:
        return False
    spatial = shape[1:3] if layer.data_format == "channels_last" else shape[2:]
    pairs = zip(spatial, window, strict=True)
    return any(size is not None and size < length for size, length in pairs)
