"""`predict_images`: classify images batch by batch, so that any number of them fits in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from clearsight.bundle.bundle import Bundle
from clearsight.evaluation.predictions import Predictions
from clearsight.predict.inputs import InputImage, Inputs, read_inputs


@dataclass(frozen=True)
class PredictOptions:
    """How images are classified.

    Attributes:
        top: how many of the most probable classes to return.
        invert: invert brightness first.
        temperature: apply the temperature.
    """

    top: int = 1
    invert: bool = False
    temperature: bool = False


@dataclass(frozen=True)
class Prediction:
    """The result for one image.

    Attributes:
        name: see `InputImage`.
        true_label: see `InputImage`.
        classes: the most probable classes with their probabilities, best first; empty if the image
            cannot be read.
        problem: see `InputImage`.
        warning: sentences about what was left out of the image or chosen, and if its brightness
            looks inverted; None if there are none.
    """

    name: str
    true_label: str | None
    classes: tuple[tuple[str, float], ...] = ()
    problem: str | None = None
    warning: str | None = None


def predict_images(
    inputs: Inputs, bundle: Bundle, options: PredictOptions = PredictOptions()
) -> Iterator[Prediction]:
    """Read and classify images in their order, holding one batch in memory at a time.

    Raises:
        BundleError: if the network fails or does not return probabilities, or the temperature is
            to be applied and there is none.
    """
    images = read_inputs(inputs, bundle, invert=options.invert)
    while batch := list(islice(images, bundle.batch_size)):
        yield from _predict_batch(batch, bundle, options)


def _predict_batch(
    batch: Sequence[InputImage], bundle: Bundle, options: PredictOptions
) -> Iterator[Prediction]:
    pixels = [image.pixels for image in batch if image.pixels is not None]
    best = iter(_top_classes(np.stack(pixels), bundle, options) if pixels else ())
    for image in batch:
        if image.pixels is None:
            yield Prediction(image.name, image.true_label, problem=image.problem)
            continue
        warnings = list(image.warnings)
        if bundle.preparation.is_opposite(image.pixels):
            polarity = bundle.preparation.polarity
            warnings.append(_polarity_warning(image.name, polarity, options.invert))
        classes = tuple(next(best))
        yield Prediction(image.name, image.true_label, classes, warning=" ".join(warnings) or None)


def _top_classes(
    images: np.ndarray, bundle: Bundle, options: PredictOptions
) -> list[list[tuple[str, float]]]:
    probabilities = bundle.probabilities(images)
    if options.temperature:
        probabilities = bundle.apply_temperature(probabilities)
    return Predictions(probabilities, bundle.class_names).top(options.top)


def _polarity_warning(name: str, trained_polarity: str, invert: bool) -> str:
    found = "dark on light" if trained_polarity == "light-on-dark" else "light on dark"
    return (
        f"{name} looks {found}{' after inversion' if invert else ''} (judging by its border), but "
        f"the network was trained on {trained_polarity} images: "
        f"{'leave out' if invert else 'try'} --invert."
    )
