"""Check whether a network, its loss and its data fit together."""

from __future__ import annotations

from typing import Any

from clearsight.errors import FitError, ModelError, describe_found
from clearsight.models.backend import keras
from clearsight.models.fit_check.images import image_mistakes
from clearsight.models.fit_check.known_loss import KnownLoss
from clearsight.models.fit_check.labels import label_mistakes
from clearsight.models.fit_check.output import output_mistakes, per_position_mistakes
from clearsight.models.fit_check.sample import Sample
from clearsight.models.graph import get_graph
from clearsight.models.keras_internals.compiled import is_kerass_own
from clearsight.models.pixel_scaling import pixel_scaling


def check_fit(model: keras.Model, x: Any, y: Any) -> None:
    """Check a compiled Keras classifier against the arrays that it is about to `fit`.

    Finds images without a channel axis or of another shape; pixels 0..255 for a network that
    expects [0, 1], and the reverse; one-hot labels with a sparse loss, and the reverse; labels
    outside 0..K-1; a softmax output under a loss with ``from_logits=True``, and logits without; and
    anything but arrays of finite numbers. The `fit` of an accelerated model warns of the same.

    Args:
        model: a compiled Sequential or Functional model that ends in K units.
        x: images (N, H, W, C).
        y: labels, integers (N,) or (N, 1), or one-hot (N, K).

    Raises:
        FitError: with every mistake and how to fix it; its attribute ``mistakes`` lists them.
        ModelError: if it is no Keras model.

    Example:
        >>> import numpy as np
        >>> import keras
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
        >>> model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
        >>> model.compile(loss="categorical_crossentropy")
        >>> check_fit(model, np.zeros((4, 8, 8, 1)), np.array([0, 1, 2, 3]))
        Traceback (most recent call last):
        ...
        clearsight.errors.FitError: The loss categorical_crossentropy expects one-hot labels ...
    """
    if not isinstance(model, keras.Model):
        raise ModelError(
            f"The network to check should be a keras.Model, but is {describe_found(model)}."
        )
    mistakes = _network_mistakes(model)
    images, labels = Sample.whole(x, "x"), Sample.whole(y, "y")
    mistakes += [sample.mistake for sample in (images, labels) if sample.mistake]
    if not mistakes:
        mistakes = fit_mistakes(model, images, labels)
        mistakes += [
            f"{sample.name} should hold finite numbers, but holds NaN or infinity."
            for sample in (images, labels)
            if not (sample.is_finite or any("finite" in mistake for mistake in mistakes))
        ]
    if not (model.compiled and model.loss is not None):
        mistakes.append(
            "The network should be compiled with a loss before it is fitted, but is not: call "
            "model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', "
            "metrics=['accuracy'])."
        )
    if mistakes:
        raise FitError(mistakes)


def fit_mistakes(model: keras.Model, x: Sample, y: Sample | None) -> list[str]:
    """Return what does not fit together, as sentences, as far as it is certain.

    Args:
        model: a Sequential or Functional model with one input and one output.
        x: images, or whatever numbers it takes.
        y: labels; None if there are none.
    """
    mistakes = [sample.mistake for sample in (x, y) if sample is not None and sample.mistake]
    if mistakes:
        return mistakes
    mistakes = image_mistakes(model, x)
    if not x.is_finite and pixel_scaling(model) != "unknown":
        mistakes = [f"{x.name} should hold finite numbers, but holds NaN or infinity."]
    if y is not None and x.shape[:1] != y.shape[:1]:
        mistakes.append(
            f"There should be one label per image, but {x.name} has {x.shape[0]:,} and {y.name} "
            f"{y.shape[0]:,}."
        )
    takes_loss = model.compiled and is_kerass_own(model, "compute_loss")
    loss = KnownLoss.of(model.loss) if takes_loss else None
    if len(model.output_shape) != 2:
        if loss is not None and y is not None:
            mistakes += per_position_mistakes(loss, tuple(model.output_shape), y.shape)
        return mistakes
    if loss is not None and y is not None:
        mistakes += label_mistakes(loss, int(model.output_shape[-1]), y)
    return mistakes + output_mistakes(loss, model)


def has_one_input_and_output(model: keras.Model) -> bool:
    """Return whether a model takes one array and returns one, neither named in a dictionary."""
    return not _network_mistakes(model) and not isinstance(model.output_shape, dict | list)


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
