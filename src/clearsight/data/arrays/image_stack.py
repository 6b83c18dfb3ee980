"""`ImageStack`: single images from Python objects, collected into one array."""

from typing import Any

import numpy as np
from PIL import Image

from clearsight.data.arrays.convert import TIMES_255_NOTE, channels_last, times_255
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import pillow_to_array
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError


class ImageStack:
    """Collects single images as uint8 (H, W, C).

    They are resized to the image size of the options; without one, all must have the same size.
    """

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._images: list[np.ndarray] = []
        self._scale: str | None = None  # "0 to 1" or "0 to 255", known from the first float image
        self._was_rounded = False

    def add(self, image: Any) -> None:
        """Add an image.

        Args:
            image: a PIL image, or an array (H, W), (H, W, C) or (C, H, W) of uint8, bools, or
                floats from 0 to 1 or from 0 to 255, the same for all images.

        Raises:
            DataError: when it is something else.
        """
        name = f"Image {len(self._images)}"
        if isinstance(image, Image.Image):
            array = pillow_to_array(image, name)
        else:
            array = self._as_uint8(np.asarray(image), name)
            view = channels_last(array[None]) if array.ndim in (2, 3) and array.size else None
            if view is None:
                raise DataError(
                    f"{name} should have the shape (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 "
                    f"channels, but has {array.shape}."
                )
            array = view[0]
        size = self._options.image_size
        if size is not None and array.shape[:2] != size:
            fitted = Preparation(*size, array.shape[2], resize=self._options.resize)
            array = fitted.fit_image(array)
        self._images.append(array)

    def stack(self) -> tuple[np.ndarray, list[str]]:
        """Return all images as uint8 (N, H, W, C), and sentences about what was changed.

        Raises:
            DataError: when there is none, or they differ in size and the options give none.
        """
        if not self._images:
            raise DataError("There should be at least one image, but there is none.")
        sizes = {image.shape[:2] for image in self._images}
        if len(sizes) > 1:
            some = " and ".join(f"{height}x{width}" for height, width in sorted(sizes)[:2])
            raise DataError(
                f"The images should have one size, but have {len(sizes)}, such as {some}: "
                "choose one with image_size=(height, width)."
            )
        wanted = self._options.channels
        most = max(image.shape[2] for image in self._images)
        channels = most if wanted == "auto" else wanted
        height, width = next(iter(sizes))
        one_form = Preparation(height, width, channels)
        images = np.stack(
            [
                image if image.shape[2] == channels else one_form.fit_image(image)
                for image in self._images
            ]
        )
        images.flags.writeable = False
        notes = []
        if self._scale == "0 to 1":
            notes.append(TIMES_255_NOTE)
        if self._was_rounded:
            notes.append("The images were floats from 0 to 255; they were rounded.")
        return images, notes

    def _as_uint8(self, image: np.ndarray, name: str) -> np.ndarray:
        if image.dtype == np.uint8:
            return image
        expected = f"{name} should be uint8 from 0 to 255, or floats from 0 to 1, but"
        if image.dtype.kind not in "buif" or not image.size:
            raise DataError(f"{expected} is {image.dtype} {image.shape}.")
        if image.dtype.kind == "b":
            return image * np.uint8(255)
        low, high = float(image.min()), float(image.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise DataError(f"{expected} holds NaN or infinity.")
        if low < 0 or high > 255:
            raise DataError(f"{expected} runs from {low:g} to {high:g}: remove the normalization.")
        if image.dtype.kind in "iu" or high == 0:
            return image.astype(np.uint8)
        return self._from_floats(image, high, name)

    def _from_floats(self, image: np.ndarray, high: float, name: str) -> np.ndarray:
        rounded = np.rint(image)
        has_fractions = bool((rounded != image).any())
        # Among images from 0 to 255, one of ones and zeros alone is nearly black.
        may_be_dark = self._scale == "0 to 255" and not has_fractions
        scale = "0 to 255" if high > 1 or may_be_dark else "0 to 1"
        if self._scale not in (None, scale):
            raise DataError(
                f"{name} should run from {self._scale} like those before it, but runs up to "
                f"{high:g}: pass all images as uint8."
            )
        self._scale = scale
        if scale == "0 to 1":
            return times_255(image)
        self._was_rounded |= has_fractions
        return rounded.astype(np.uint8)
