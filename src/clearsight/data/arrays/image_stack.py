"""`ImageStack`: single images from Python objects, collected into one array."""

from typing import Any

import numpy as np
from PIL import Image

from clearsight.data.arrays.convert import channels_last
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import pillow_to_array
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError


class ImageStack:
    """Collects single images.

    They are resized to the image size of the options; without one, all must have the same size.

    Attributes:
        images: numbers (1, H, W, C) each, with its name for messages.
    """

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self.images: list[tuple[str, np.ndarray]] = []

    def __len__(self) -> int:
        return len(self.images)

    def add(self, image: Any) -> None:
        """Add an image.

        Args:
            image: a PIL image, or numbers (H, W), (H, W, C) or (C, H, W).

        Raises:
            DataError: when it is something else.
        """
        name = f"Image {len(self.images)}"
        if isinstance(image, Image.Image):
            array = pillow_to_array(image, name)
        else:
            array = np.asarray(image)
            if array.dtype.kind not in "buif":
                raise DataError(f"{name} should be numbers, but is {array.dtype} {array.shape}.")
        view = channels_last(array[None]) if array.ndim in (2, 3) and array.size else None
        if view is None:
            raise DataError(
                f"{name} should have the shape (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 "
                f"channels, but has {array.shape}."
            )
        self.images.append((name, view if view.dtype != np.uint8 else self._fit(view)))

    def join(self, images: list[np.ndarray]) -> np.ndarray:
        """Join the collected images, each converted to uint8 (1, H, W, C): uint8 (N, H, W, C).

        Raises:
            DataError: when there is none, or they differ in size and the options give none.
        """
        if not images:
            raise DataError("There should be at least one image, but there is none.")
        images = [self._fit(image) for image in images]
        sizes = {image.shape[1:3] for image in images}
        if len(sizes) > 1:
            some = " and ".join(f"{height}x{width}" for height, width in sorted(sizes)[:2])
            raise DataError(
                f"The images should have one size, but have {len(sizes)}, such as {some}: "
                "choose one with image_size=(height, width)."
            )
        wanted = self._options.channels
        channels = max(image.shape[3] for image in images) if wanted == "auto" else wanted
        height, width = next(iter(sizes))
        one_form = Preparation(height, width, channels)
        joined = np.stack([one_form.fit_image(image[0]) for image in images])
        joined.flags.writeable = False
        return joined

    def _fit(self, image: np.ndarray) -> np.ndarray:
        """Resize an image, uint8 (1, H, W, C), to the size of the options."""
        size = self._options.image_size
        if size is None or image.shape[1:3] == size:
            return image
        fitted = Preparation(*size, image.shape[3], resize=self._options.resize)
        return fitted.fit_image(image[0])[None]
