"""`Bundle`, a trained network that is ready to predict, and `load`, which opens one."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats.model_format import Network
from clearsight.bundle.formats.table import find_format
from clearsight.bundle.run_network import run_network
from clearsight.bundle.spec import BundleSpec
from clearsight.data.preparation.pixel_range import check_finite
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import pillow_to_array
from clearsight.errors import BundleError, DataError, describe_found
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.temperature import apply_temperature
from clearsight.io.argument_checks import check_count, check_path, check_switch
from clearsight.io.displayed_text import displayed

ImageLike = str | os.PathLike[str] | bytes | Image.Image | np.ndarray

# Images per batch, fewer if they are large: throughput does not grow beyond, and activations stay
# small.
_BATCH_SIZE = 256
_BATCH_VALUES = 16_000_000
_log = logging.getLogger(__name__)


def load(path: str | Path, *, num_threads: int | None = None) -> Bundle:
    """Open a bundle: a folder or .zip that `clearsight export` or a training wrote.

    Needs numpy, Pillow and, for the default format, onnxruntime; neither Keras nor torch.

    Args:
        path: the folder or .zip.
        num_threads: processor threads per prediction; None for one per core.

    Raises:
        BundleError: if a file is missing, was changed, is larger than a bundle's or of another
            version, or if the network is not one that clearsight writes, or its shapes are not
            those in ``bundle.json``.
        MissingExtraError: if the runtime of the model's format is not installed.

    Example:
        >>> load("no such folder")
        Traceback (most recent call last):
        ...
        clearsight.errors.BundleError: A bundle should be a folder or a .zip ...
    """
    if num_threads is not None:
        num_threads = check_count(num_threads, "num_threads", 1)
    files = BundleFiles.open(check_path(path, "A bundle", "given by its folder or .zip"))
    model_format = find_format(files.spec.format, str(path))
    files.check(model_format.files)
    return Bundle(files.path, files.spec, model_format.open_model(files, num_threads))


@dataclass(frozen=True)
class Bundle:
    """A trained network with its class names and preparation; needs neither Keras nor torch.

    Attributes:
        path: the folder or the .zip.
        spec: the content of ``bundle.json``.
        network: maps uint8 (N, H, W, C) to probabilities, float32 (N, K).
    """

    path: Path
    spec: BundleSpec
    network: Network

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, in the order of the probabilities."""
        return self.spec.class_names

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        return self.spec.preparation

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.spec.image_shape))
        path = displayed(str(self.path))
        return f"Bundle('{path}': {self.spec.format}, {len(self.class_names)} classes, {shape})"

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        height, width, channels = self.spec.image_shape
        return max(1, min(_BATCH_SIZE, _BATCH_VALUES // (height * width * channels)))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Compute the trained network's probabilities, before any temperature.

        Args:
            images: uint8 (N, H, W, C), 0..255, of the network's size and channels.

        Returns:
            float32 (N, K), rows sum to 1.

        Raises:
            DataError: if type or shape differ, for instance if pixels are scaled already.
            BundleError: if the network fails, or does not return probabilities.
        """
        self.preparation.check(images)
        size, num_classes = self.batch_size, len(self.class_names)
        batches = [images[start : start + size] for start in range(0, len(images), size)]
        return np.concatenate(
            [run_network(self.network, each, num_classes, str(self.path)) for each in batches]
        )

    def predict(
        self, images: ImageLike | Sequence[ImageLike], *, temperature: bool = False
    ) -> Predictions:
        """Classify images of any size; they are resized as in training.

        Args:
            images: uint8 (N, H, W, C), 0..255; or one image or a sequence of them, each a path, a
                file's content, a Pillow image, or uint8 (H, W, C). If the network was trained on
                deep images, arrays of other numbers are converted by the same range.
            temperature: apply the bundle's temperature, which calibrates the probabilities without
                changing the most probable class.

        Raises:
            DataError: if an image cannot be read, or an array does not hold such images.
            BundleError: as `probabilities`; if the temperature is to be applied and there is none.
        """
        temperature = check_switch(temperature, "temperature")
        fitted = self.fit_images(images)
        probabilities = self.probabilities(fitted)
        if temperature:
            probabilities = self.apply_temperature(probabilities)
        return Predictions.of(fitted, probabilities, self.class_names)

    def apply_temperature(self, probabilities: np.ndarray) -> np.ndarray:
        """Return probabilities at the bundle's temperature: float32 (N, K).

        Raises:
            BundleError: if the bundle has none.
            DataError: if they are not such an array.
        """
        is_array = isinstance(probabilities, np.ndarray) and probabilities.dtype.kind == "f"
        if not is_array or probabilities.shape[1:] != (len(self.class_names),):
            raise DataError(
                f"probabilities should be floats (N, {len(self.class_names)}) that `probabilities` "
                f"returned, but are {describe_found(probabilities)}."
            )
        if self.spec.temperature is None:
            raise BundleError(
                f"{self.path} should have a temperature to apply, but has none, because its run "
                "fitted none on validation images: predict without it."
            )
        return apply_temperature(probabilities, self.spec.temperature).astype(np.float32)

    def fit_images(self, images: ImageLike | Sequence[ImageLike]) -> np.ndarray:
        """Resize and convert images, as `predict` takes them, to the network's uint8 (N, H, W, C).

        Raises:
            DataError: as `predict`.
        """
        if isinstance(images, np.ndarray):
            is_batch = images.ndim == 4 and images.shape[-1] in (1, 3, 4)
            if not (self._accepts(images) and is_batch):
                self.preparation.check(images, any_size=True)  # raises, with the reason
            has_shape = images.shape[1:] == self.spec.image_shape and len(images)
            if images.dtype == np.uint8 and has_shape:
                return images
        is_one = isinstance(images, str | os.PathLike | bytes | Image.Image)
        if not is_one and not isinstance(images, Iterable):
            raise DataError(
                "The images should be an array, a path, a Pillow image, or a list of these, but "
                f"are {describe_found(images)}."
            )
        batch: Iterable[Any] = [images] if is_one else images
        rows = [self._fit_image(image, index) for index, image in enumerate(batch)]
        if not rows:
            raise DataError("There should be at least one image, but there is none.")
        return np.stack(rows)

    def _fit_image(self, image: Any, index: int) -> np.ndarray:
        name = f"Image {index}"
        if isinstance(image, bytes):
            prepared = self.preparation.read(image, name=name)
        elif isinstance(image, str | os.PathLike):
            prepared = self.preparation.read(Path(image))
        elif isinstance(image, Image.Image):
            prepared = self.preparation.prepare(pillow_to_array(image, name), name)
        elif isinstance(image, np.ndarray):
            has_shape = image.ndim == 3 and image.shape[-1] in (1, 3, 4) and image.size
            if not (self._accepts(image) and has_shape):
                raise DataError(
                    f"{name} should be uint8 (H, W, C) with 1, 3 or 4 channels, but is "
                    f"{image.dtype} {image.shape}."
                )
            check_finite(image, name)
            prepared = self.preparation.prepare(image, name)
        else:
            raise DataError(
                f"{name} should be a path, a file's content, a Pillow image or uint8 (H, W, C), "
                f"but is {describe_found(image)}."
            )
        for warning in prepared.warnings:
            _log.warning("%s", warning)
        return prepared.pixels

    def _accepts(self, array: np.ndarray) -> bool:
        is_deep = self.preparation.pixel_range is not None and array.dtype.kind in "iuf"
        return array.dtype == np.uint8 or is_deep
