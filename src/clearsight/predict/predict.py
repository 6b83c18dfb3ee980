"""Naming images one batch after the other, so that any number of them fits in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import BundleError, DataError
from clearsight.evaluation.predictions import Predictions
from clearsight.predict.inputs import STANDARD_INPUT, ImageFiles


class Predictor(Protocol):
    """What names images: a `Bundle`, or a run's own network."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        ...

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        ...

    @property
    def batch_size(self) -> int:
        """How many images go through the network at once."""
        ...

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        ...

    def tempered(self, probabilities: np.ndarray) -> np.ndarray:
        """Apply the temperature."""
        ...


@dataclass(frozen=True)
class InputImage:
    """An image that is to be named, or why it cannot be.

    Attributes:
        name: the file, or e.g. "fashion-mnist:test[3]".
        truth: the true class's name where it is known.
        image: uint8 (H, W, C) of the network's size and channels; None when it cannot be read.
        problem: a sentence that says why not.
        stands_alone: whether the user named this very file.
    """

    name: str
    truth: str | None = None
    image: np.ndarray | None = None
    problem: str | None = None
    stands_alone: bool = False


@dataclass(frozen=True)
class Prediction:
    """What the network says of an image.

    Attributes:
        name: see `InputImage`.
        truth: likewise.
        kinds: the most probable classes with their probabilities, best first; none when the image
            cannot be read.
        problem: likewise.
        warning: a sentence when it does not look like what was trained on.
        stands_alone: see `InputImage`.
    """

    name: str
    truth: str | None
    kinds: tuple[tuple[str, float], ...]
    problem: str | None
    warning: str | None
    stands_alone: bool


@dataclass(frozen=True)
class Asked:
    """How images are to be named.

    Attributes:
        top: how many classes an image.
        invert: turn light into dark and back first.
        temperature: whether to apply the temperature.
    """

    top: int = 1
    invert: bool = False
    temperature: bool = False


def images_in(files: ImageFiles, predictor: Predictor, asked: Asked) -> Iterator[InputImage]:
    """Read image files one after the other, and bring each to the network's form."""
    preparation = predictor.preparation
    for path in files.paths:
        truth = files.truth_of(path, predictor.class_names)
        try:
            if path == STANDARD_INPUT:
                content = sys.stdin.buffer.read()
                image, name = preparation.read(content, invert=asked.invert), "standard input"
            else:
                image, name = preparation.read(Path(path), invert=asked.invert), path
        except DataError as error:
            yield InputImage(path, truth, problem=str(error), stands_alone=files.is_single)
            continue
        yield InputImage(name, truth, image, stands_alone=files.is_single)


def named(
    images: Iterable[InputImage],
    predictor: Predictor,
    asked: Asked,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[Prediction]:
    """Name images, in their order, holding one batch of them at a time.

    Args:
        images: they, read when their turn comes.
        predictor: what names them.
        asked: how.
        advance: told how many more are done.

    Raises:
        BundleError: when a temperature is asked for and there is none.
    """
    waiting: list[InputImage] = []
    num_readable = 0
    for image in images:
        waiting.append(image)
        num_readable += image.image is not None
        if num_readable == predictor.batch_size or len(waiting) == 4 * predictor.batch_size:
            yield from _named_batch(waiting, predictor, asked)
            advance(len(waiting))
            waiting, num_readable = [], 0
    if waiting:
        yield from _named_batch(waiting, predictor, asked)
        advance(len(waiting))


def _named_batch(
    batch: list[InputImage], predictor: Predictor, asked: Asked
) -> Iterator[Prediction]:
    pixels = [found.image for found in batch if found.image is not None]
    best: Iterator[list[tuple[str, float]]] = iter(())
    if pixels:
        probabilities = predictor.probabilities(np.stack(pixels))
        if not np.isfinite(probabilities).all():
            raise BundleError(
                "The network gives no finite numbers, because its training diverged: train again "
                "with a lower learning rate."
            )
        if asked.temperature:
            probabilities = predictor.tempered(probabilities)
        best = iter(Predictions(probabilities, predictor.class_names).top(asked.top))
    for found in batch:
        kinds: list[tuple[str, float]] = []
        warning = None
        if found.image is not None:
            kinds = next(best)
            if predictor.preparation.is_opposite(found.image):
                warning = _opposite(found.name, predictor.preparation.polarity, asked.invert)
        yield Prediction(
            found.name, found.truth, tuple(kinds), found.problem, warning, found.stands_alone
        )


def _opposite(name: str, trained_polarity: str, invert: bool) -> str:
    found = "dark on light" if trained_polarity == "light-on-dark" else "light on dark"
    wanted = trained_polarity.replace("-", " ")
    mend = "leave out --invert" if invert else "try --invert"
    return (
        f"{name} shows {found}{' once inverted' if invert else ''} (judged by its border), but the "
        f"network was trained on images that are {wanted}: {mend}."
    )
