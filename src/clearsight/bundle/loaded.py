"""`Bundle`: a trained network with its class names and preparation, ready to name images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.spec import BundleSpec
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import pillow_to_array
from clearsight.errors import BundleError, DataError
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.temperature import tempered as at_temperature

Network = Callable[[np.ndarray], np.ndarray]
ImageLike = str | os.PathLike[str] | bytes | Image.Image | np.ndarray

# Images that go through the network at once, or fewer large ones: throughput grows no further,
# and what is held between layers stays small.
_BATCH_SIZE = 256
_BATCH_VALUES = 16_000_000


@dataclass(frozen=True)
class Bundle:
    """A network that names images, without Keras or torch.

    Attributes:
        files: where it lies, and what its ``bundle.json`` says.
        network: maps uint8 (N, H, W, C) to probabilities float32 (N, K).
    """

    files: BundleFiles
    network: Network

    @property
    def path(self) -> Path:
        """The folder, or the .zip."""
        return self.files.path

    @property
    def spec(self) -> BundleSpec:
        """What ``bundle.json`` says."""
        return self.files.spec

    @property
    def name(self) -> str:
        """Of the run that it comes from."""
        return self.spec.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        return self.spec.class_names

    @property
    def preparation(self) -> Preparation:
        """How images become the network's input."""
        return self.spec.preparation

    @property
    def temperature(self) -> float | None:
        """Fitted on validation images; None where none was. See `predict`."""
        return self.spec.temperature

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the network comes from, as plain values."""
        return self.spec.provenance

    @property
    def batch_size(self) -> int:
        """How many images go through the network at once."""
        height, width, channels = self.spec.image_shape
        return max(1, min(_BATCH_SIZE, _BATCH_VALUES // (height * width * channels)))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return what the trained network gives, before any temperature.

        Args:
            images: uint8 (N, H, W, C), 0..255, of the network's size and channels.

        Returns:
            float32 (N, K), rows sum to 1.

        Raises:
            DataError: when they are of another type or shape; pixels scaled already are refused.
        """
        self.preparation.check(images)
        size = self.batch_size
        starts = range(0, len(images), size)
        return np.concatenate([self.network(images[start : start + size]) for start in starts])

    def predict(
        self, images: ImageLike | Sequence[ImageLike], *, temperature: bool = False
    ) -> Predictions:
        """Name images of any size; they are brought to the network's as in training.

        Args:
            images: uint8 (N, H, W, C), 0..255; or one image or a sequence of them, each a path, a
                file's content, an image of Pillow's, or uint8 (H, W, C).
            temperature: apply the bundle's temperature, which makes the probabilities fit how often
                the network is right; the most probable class stays so.

        Raises:
            DataError: when an image cannot be read, or an array is no uint8 images.
            BundleError: when a temperature is asked for and the bundle has none.
        """
        probabilities = self.probabilities(self.fitted(images))
        if temperature:
            probabilities = self.tempered(probabilities)
        return Predictions(probabilities, self.class_names)

    def tempered(self, probabilities: np.ndarray) -> np.ndarray:
        """Return probabilities at the bundle's temperature: float32 (N, K) likewise.

        Raises:
            BundleError: when the bundle has none.
        """
        if self.temperature is None:
            raise BundleError(
                f"A temperature should be applied, but {self.path} has none, because its run "
                "fitted none on validation images: leave it out."
            )
        return at_temperature(probabilities, self.temperature).astype(np.float32)

    def fitted(self, images: ImageLike | Sequence[ImageLike]) -> np.ndarray:
        """Bring images to the network's size and channels.

        Args:
            images: as `predict` takes them.

        Returns:
            uint8 (N, H, W, C).

        Raises:
            DataError: as `predict`.
        """
        if isinstance(images, np.ndarray):
            if images.dtype != np.uint8 or images.shape[1:] == self.spec.image_shape:
                self.preparation.check(images)
                return images
            if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
                self.preparation.check(images)  # which has the words for it
        one = isinstance(images, str | os.PathLike | bytes | Image.Image)
        batch: Iterable[Any] = [images] if one else images
        rows = list(self._fitted_one_by_one(batch))
        if not rows:
            raise DataError("There should be at least one image, but there is none.")
        return np.stack(rows)

    def _fitted_one_by_one(self, images: Iterable[Any]) -> Iterator[np.ndarray]:
        for index, image in enumerate(images):
            if isinstance(image, np.ndarray):
                is_right = image.dtype == np.uint8 and image.ndim == 3
                if not is_right or image.shape[-1] not in (1, 3, 4) or not image.size:
                    raise DataError(
                        f"Image {index} should be uint8 (H, W, C) with 1, 3 or 4 channels, but "
                        f"is {image.dtype} {image.shape}."
                    )
                yield self.preparation.fit_image(image)
            elif isinstance(image, Image.Image):
                array = pillow_to_array(image, f"Image {index}")
                yield self.preparation.fit_image(array)
            elif isinstance(image, bytes):
                yield self.preparation.read(image)
            elif isinstance(image, str | os.PathLike):
                yield self.preparation.read(Path(image))
            else:
                raise DataError(
                    f"Image {index} should be a path, a file's content, an image of Pillow's or "
                    f"uint8 (H, W, C), but is a {type(image).__name__}."
                )
