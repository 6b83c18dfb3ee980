"""Check whether a network, its loss and its data fit together: the mistakes that beginners make."""

from typing import Any, Literal

import numpy as np

from clearsight.data.arrays.checks import (
    channel_axis_mistakes,
    describe,
    is_one_hot,
    label_range_mistakes,
)
from clearsight.errors import FitError, ModelError
from clearsight.models.backend import keras
from clearsight.models.graph import get_graph, pixel_scaling

_SPARSE, _ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"

# Scaled images stay within a few units of zero, however they are scaled; raw ones do not.
_RAW_PIXELS_ABOVE = 10.0


def check_fit(model: keras.Model, x: Any, y: Any) -> None:
    """Check a compiled Keras classifier against the arrays that it is about to `fit`.

    Finds images without a channel axis or of another shape; pixels 0..255 for a network that
    expects [0, 1], and the reverse; one-hot labels with a sparse loss, and the reverse; labels
    outside 0..K-1; a softmax output under a loss with ``from_logits=True``, and logits without; and
    anything but arrays of finite numbers.

    Args:
        model: a compiled Sequential or Functional model that ends in K units.
        x: images (N, H, W, C).
        y: labels, integers (N,) or (N, 1), or one-hot (N, K).

    Raises:
        FitError: with every mistake and how to fix it; its attribute ``mistakes`` lists them.

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
    mistakes = _network_mistakes(model)
    images, labels = _as_array(x, "x"), _as_array(y, "y")
    mistakes += [problem for problem in (images, labels) if isinstance(problem, str)]
    has_loss = model.compiled and model.loss is not None
    if not mistakes and isinstance(images, np.ndarray) and isinstance(labels, np.ndarray):
        mistakes += _image_mistakes(model, images)
        if labels.ndim and images.ndim and len(images) != len(labels):
            mistakes.append(
                f"There should be one label per image, but x has {len(images):,} and y "
                f"{len(labels):,}."
            )
        if has_loss:
            loss = _only_loss(model.loss)
            mistakes += _label_mistakes(loss, int(model.output_shape[-1]), labels)
            mistakes += _output_mistakes(loss, model)
    if not has_loss:
        mistakes.append(
            "The network should be compiled with a loss before it is fitted, but is not: call "
            "model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', "
            "metrics=['accuracy'])."
        )
    if mistakes:
        raise FitError(mistakes)


def _network_mistakes(model: keras.Model) -> list[str]:
    if not model.built:
        return [
            "The network should know its input shape before it is checked, but does not: start it "
            "with keras.Input(shape=(height, width, channels))."
        ]
    try:
        graph = get_graph(model)
    except ModelError as error:
        return [str(error)]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or isinstance(model.input_shape, dict):
        return [
            "The network should have one input, the images, and one output, the classes, but has "
            f"{len(graph.inputs)} and {len(graph.outputs)}"
            f"{', named in a dictionary' if isinstance(model.input_shape, dict) else ''}."
        ]
    return []


def _as_array(values: Any, name: str) -> np.ndarray | str:
    """Return `values` as an array of numbers, or a sentence if they are none."""
    if hasattr(values, "detach"):  # a torch tensor, perhaps with a gradient or on a GPU
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.array(None)
    if array.dtype.kind in "US" and name == "y":
        return (
            "y should be numbers, but is text: number the classes from 0, for example with "
            "class_names, y = np.unique(y, return_inverse=True)."
        )
    if array.ndim == 0 or array.dtype.kind not in "buif":
        return (
            f"{name} should be an array of numbers, but is {type(values).__name__}: check the "
            "batches of a generator or loader one by one."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return f"{name} should hold finite numbers, but holds NaN or infinity."
    return array


def _only_loss(loss: Any) -> Any:
    """Return the loss of a model with one output, which Keras also accepts in a list or dict."""
    if isinstance(loss, dict):
        loss = list(loss.values())
    return loss[0] if isinstance(loss, list | tuple) and len(loss) == 1 else loss


def _image_mistakes(model: keras.Model, x: np.ndarray) -> list[str]:
    expected = tuple(model.input_shape[1:])
    if len(expected) == 3 and x.ndim != 4:
        return channel_axis_mistakes(x, "x")
    fits = len(expected) == x.ndim - 1 and all(
        size is None or size == found for size, found in zip(expected, x.shape[1:], strict=True)
    )
    if not fits:
        return [
            f"x should have shape (N, {', '.join(map(str, expected))}) for this network, but is "
            f"{describe(x)}: resize the images or build the network for their shape."
        ]
    return _scale_mistakes(model, x) if x.ndim == 4 and x.size else []


def _scale_mistakes(model: keras.Model, x: np.ndarray) -> list[str]:
    low, high = float(x.min()), float(x.max())
    scaling = pixel_scaling(model)
    if low >= 0 and high > _RAW_PIXELS_ABOVE and scaling == "nothing":
        return [
            f"Pixels should be scaled to [0, 1] for this network, but run from {low:g} to "
            f"{high:g}: divide by 255, x = x.astype('float32') / 255, or start the network with "
            "keras.layers.Rescaling(1 / 255)."
        ]
    if scaling == "rescales" and low >= 0 and 0 < high <= 1:
        return [
            f"This network scales pixels 0..255 itself, but they already run from {low:g} to "
            f"{high:g}, so they would be scaled twice: pass the pixels as they are in the file."
        ]
    return []


def _label_mistakes(loss: Any, num_classes: int, y: np.ndarray) -> list[str]:
    name = _loss_name(loss)
    if name == _SPARSE:
        if is_one_hot(y):
            return [
                f"The loss {name} expects one integer per image, but y is one-hot with shape "
                f"{y.shape}: use y.argmax(axis=1), or the loss categorical_crossentropy."
            ]
        if y.ndim != 1 and y.shape[1:] != (1,):
            return [f"The loss {name} expects labels of shape (N,), but y has shape {y.shape}."]
        if (y != np.round(y)).any():
            return [f"The loss {name} expects whole numbers as labels, but y has fractions."]
        return label_range_mistakes(y, num_classes)
    if name == _ONE_HOT:
        if y.ndim == 1 or (y.shape[1:] == (1,) and num_classes > 1):
            return [
                f"The loss {name} expects one-hot labels of shape (N, {num_classes}), but y has "
                f"shape {y.shape}: use keras.utils.to_categorical(y, {num_classes}), or the loss "
                "sparse_categorical_crossentropy."
            ]
        if y.shape[-1] != num_classes:
            return [
                f"One-hot labels should have {num_classes} columns, one per unit of the last "
                f"layer, but y has shape {y.shape}."
            ]
        if not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
            return ["Each row of one-hot labels should sum to 1, but some do not."]
    return []


def _output_mistakes(loss: Any, model: keras.Model) -> list[str]:
    name = _loss_name(loss)
    if not name.endswith("crossentropy"):
        return []
    output = _output_of(model)
    if name in (_SPARSE, _ONE_HOT) and output == "sigmoid" and model.output_shape[-1] > 1:
        return [
            f"The loss {name} expects probabilities that sum to 1, but the network ends in "
            "sigmoid: end with Dense(K, activation='softmax')."
        ]
    from_logits = bool(getattr(loss, "from_logits", False))
    if output in ("softmax", "sigmoid") and from_logits:
        return [
            f"The loss has from_logits=True, but the network already ends in probabilities "
            f"({output}), so softmax would be applied twice: drop from_logits=True, or the "
            "last activation."
        ]
    if output == "logits" and not from_logits:
        return [
            f"The loss {name} expects probabilities, but the network ends in logits (no softmax): "
            "end with Dense(K, activation='softmax'), or give the loss from_logits=True."
        ]
    return []


def _loss_name(loss: Any) -> str:
    """Return Keras's snake_case name of a loss given as text, function, class or object."""
    resolved = keras.losses.get(loss)
    name = getattr(resolved, "__name__", None) or getattr(resolved, "name", None)
    return str(name or type(resolved).__name__)


def _output_of(model: keras.Model) -> Literal["softmax", "sigmoid", "logits", "unknown"]:
    """Return what a classifier's last layer outputs."""
    last = model.layers[-1]
    if isinstance(last, keras.Model):
        return _output_of(last)
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", None)
    if activation is keras.activations.softmax:
        return "softmax"
    if activation is keras.activations.sigmoid:
        return "sigmoid"
    return "logits" if activation is keras.activations.linear else "unknown"
