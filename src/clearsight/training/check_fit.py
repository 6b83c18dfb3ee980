"""Do a network, its loss and its data fit together? The mistakes that trip beginners, in words."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from clearsight.data.checks import (
    channel_axis_mistakes,
    describe,
    is_one_hot,
    label_range_mistakes,
)
from clearsight.errors import FitError
from clearsight.models.backend import keras
from clearsight.models.graph import normalizes_input, rescales_pixels

Output = Literal["probabilities", "logits", "unknown"]

# Scaled pictures stay within a few units of zero whichever way they are scaled; raw ones do not.
_RAW_PIXELS_ABOVE = 10.0


def check_fit(model: keras.Model, x: Any, y: Any) -> None:
    """Check a compiled Keras classifier against the arrays it is about to `fit`.

    It looks for: pictures without a channel axis or of another shape; pixels 0..255 for a network
    that expects [0, 1], and the reverse; one-hot labels with a sparse loss, and the reverse; labels
    outside 0..K-1; a softmax output under a loss with ``from_logits=True``, and logits without.

    Args:
        model: a compiled Sequential or Functional model that ends in K units.
        x: pictures (N, H, W, C).
        y: labels, integers (N,) or (N, 1), or one-hot (N, K).

    Raises:
        FitError: naming every mistake found and how to mend it; its attribute ``mistakes`` has
            them one by one.

    Example:
        >>> import numpy as np
        >>> from clearsight.models.backend import keras
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
        >>> model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
        >>> model.compile(loss="categorical_crossentropy")
        >>> check_fit(model, np.zeros((4, 8, 8, 1)), np.array([0, 1, 2, 3]))
        Traceback (most recent call last):
        ...
        clearsight.errors.FitError: The loss categorical_crossentropy expects one-hot labels ...
    """
    x, y = np.asarray(x), np.asarray(y)
    mistakes = _picture_mistakes(model, x) + _count_mistakes(x, y)
    if model.compiled and model.loss is not None:
        mistakes += _label_mistakes(model, y) + _logits_mistakes(model)
    else:
        mistakes.append(
            "The network should be compiled with a loss before it is fitted, but is not: call "
            "model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', "
            "metrics=['accuracy'])."
        )
    if mistakes:
        raise FitError(mistakes)


def _picture_mistakes(model: keras.Model, x: np.ndarray) -> list[str]:
    expected = tuple(model.input_shape[1:])
    if len(expected) == 3 and x.ndim != 4:
        return channel_axis_mistakes(x, "x")
    fits = len(expected) == x.ndim - 1 and all(
        size is None or size == found for size, found in zip(expected, x.shape[1:], strict=True)
    )
    if not fits:
        return [
            f"x should have shape (N, {', '.join(map(str, expected))}) for this network, but is "
            f"{describe(x)}: resize the pictures or build the network for their shape."
        ]
    return _scale_mistakes(model, x)


def _scale_mistakes(model: keras.Model, x: np.ndarray) -> list[str]:
    if not x.size or not np.issubdtype(x.dtype, np.number):
        return []
    low, high = float(x.min()), float(x.max())
    is_raw = low >= 0 and high > _RAW_PIXELS_ABOVE
    scales_itself = rescales_pixels(model)
    if is_raw and not scales_itself and not normalizes_input(model):
        return [
            f"Pixels should be scaled to [0, 1] for this network, but run from {low:g} to "
            f"{high:g}: divide by 255, x = x.astype('float32') / 255, or begin the network with "
            "keras.layers.Rescaling(1 / 255)."
        ]
    if scales_itself and low >= 0 and 0 < high <= 1:
        return [
            f"This network scales pixels 0..255 itself, but they already run from {low:g} to "
            f"{high:g}, so they would be scaled twice: feed the pixels as they are in the file."
        ]
    return []


def _count_mistakes(x: np.ndarray, y: np.ndarray) -> list[str]:
    if y.ndim and x.ndim and len(x) != len(y):
        return [f"There should be one label a picture, but x has {len(x):,} and y {len(y):,}."]
    return []


def _label_mistakes(model: keras.Model, y: np.ndarray) -> list[str]:
    name = loss_name(model.loss)
    num_classes = int(model.output_shape[-1])
    if name == "sparse_categorical_crossentropy":
        if is_one_hot(y):
            return [
                f"The loss {name} expects one integer a picture, but y is one-hot with shape "
                f"{y.shape}: use y.argmax(axis=1), or the loss categorical_crossentropy."
            ]
        return label_range_mistakes(y, num_classes)
    if name == "categorical_crossentropy":
        if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1 and num_classes > 1):
            return [
                f"The loss {name} expects one-hot labels of shape (N, {num_classes}), but y has "
                f"shape {y.shape}: use keras.utils.to_categorical(y, {num_classes}), or the loss "
                "sparse_categorical_crossentropy."
            ]
        if y.shape[-1] != num_classes:
            return [
                f"One-hot labels should have {num_classes} columns, one a unit of the last layer, "
                f"but y has shape {y.shape}."
            ]
    return []


def _logits_mistakes(model: keras.Model) -> list[str]:
    name = loss_name(model.loss)
    if not name.endswith("crossentropy"):
        return []
    output = output_of(model)
    from_logits = bool(getattr(model.loss, "from_logits", False))
    if output == "probabilities" and from_logits:
        return [
            "The loss has from_logits=True, but the network already ends in probabilities "
            "(softmax or sigmoid), so they would be squashed twice: drop from_logits=True, or the "
            "last activation."
        ]
    if output == "logits" and not from_logits:
        return [
            f"The loss {name} expects probabilities, but the network ends in logits (no softmax): "
            "end with Dense(K, activation='softmax'), or give the loss from_logits=True."
        ]
    return []


def loss_name(loss: Any) -> str:
    """Return Keras's snake_case name of a loss given as text, function, class or object."""
    resolved = keras.losses.get(loss)
    name = getattr(resolved, "__name__", None) or getattr(resolved, "name", None)
    return str(name or type(resolved).__name__)


def output_of(model: keras.Model) -> Output:
    """Tell whether a classifier ends in probabilities or in logits, by its last layer."""
    last = model.layers[-1]
    if isinstance(last, keras.Model):
        return output_of(last)
    if isinstance(last, keras.layers.Softmax):
        return "probabilities"
    activation = getattr(last, "activation", None)
    if activation in (keras.activations.softmax, keras.activations.sigmoid):
        return "probabilities"
    return "logits" if activation is keras.activations.linear else "unknown"
