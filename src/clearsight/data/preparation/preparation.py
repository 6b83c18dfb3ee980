"""`Preparation`: how images become a network's input, said once and applied everywhere alike.

Training, evaluation and prediction all go through `Preparation.apply`; image files are first read
and brought to the network's size and channels by `Preparation.read`, in training as in prediction.
The description is saved with the run, and every export carries it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from PIL import Image, ImageOps

from clearsight.data.preparation.polarity import Polarity, border_pixels, polarity_of
from clearsight.data.preparation.read_image import read_image, read_sized_image
from clearsight.errors import DataError

ResizeMethod = Literal["fit", "crop", "stretch"]

_GROUND_VALUES = 4_000_000  # of an image with alpha that are floats at once
_POLARITY_SAMPLE = 10_000  # images whose borders are looked at: plenty for a share
# Raised when `fit_image` or `apply` would make other numbers of the same image.
VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """How images become a network's input.

    Attributes:
        height: rows of the input.
        width: columns of the input.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).
        divisor: pixel values 0..255 are divided by this; 255 gives [0, 1], 1 leaves them.
        polarity: whether training images show light things on dark ground or the reverse.
        resize: how images of another shape are brought to it: "fit" keeps their proportions and
            fills up with the colour of their border, "crop" keeps them and cuts off what is over,
            "stretch" does not keep them.
        alpha_ground: the grey, 0..255, that alpha was laid over in training; None takes the ground
            that the polarity says.
        version: of the rules by which all this is done.
    """

    height: int
    width: int
    channels: int
    divisor: float = 255.0
    polarity: Polarity = "mixed"
    resize: ResizeMethod = "fit"
    alpha_ground: int | None = None
    version: int = VERSION

    @classmethod
    def for_training(
        cls,
        images: np.ndarray,
        *,
        divisor: float = 255.0,
        resize: ResizeMethod = "fit",
        alpha_ground: int | None = None,
    ) -> Self:
        """Describe the preparation of a network that trains on `images`.

        Args:
            images: uint8 (N, H, W, C), the training images.
            divisor: see the class, likewise below.
            resize: see the class.
            alpha_ground: see the class.
        """
        num_images, height, width, channels = images.shape
        # Some of the images, so that a file larger than memory is not read whole.
        sample = images[:: -(-num_images // _POLARITY_SAMPLE)]
        polarity = polarity_of(sample)
        return cls(height, width, channels, divisor, polarity, resize, alpha_ground)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            DataError: when entries are absent or unknown, or the rules are of another version.
        """
        names = {field.name for field in fields(cls)}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        if not needed <= set(values) <= names:
            raise DataError(
                f"A preparation should have the entries {', '.join(sorted(names))}, but has "
                f"{', '.join(sorted(values)) or 'none'}: was it written by another version?"
            )
        if values.get("version", VERSION) != VERSION:
            raise DataError(
                f"A preparation should be of version {VERSION}, but is of version "
                f"{values['version']}: use the clearsight that wrote it, or train again."
            )
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON-ready values."""
        return asdict(self)

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Turn images into the network's input.

        Args:
            images: uint8 (N, height, width, channels), 0..255.

        Returns:
            float32 of the same shape, 0..255 divided by `divisor`.

        Raises:
            DataError: when type or shape is another; scaled floats are told as such.
        """
        self.check(images)
        return np.divide(images, np.float32(self.divisor), dtype=np.float32)

    def check(self, images: np.ndarray) -> None:
        """Check that images are uint8 (N, height, width, channels).

        Raises:
            DataError: when they are not; scaled floats are told as such.
        """
        if not len(images):
            raise DataError("There should be at least one image, but there is none.")
        expected = f"uint8 images (N, {self.height}, {self.width}, {self.channels}) from 0 to 255"
        if images.dtype != np.uint8:
            raise DataError(
                f"The network's images should be {expected}, but are {images.dtype}: give the "
                "pixels as they are in the file, the scaling is done here."
            )
        if images.ndim == 3 and images.shape[1:] == (self.height, self.width):
            raise DataError(
                f"The network's images should be {expected}, but have shape {images.shape}, "
                "without a channel axis: add it with images[..., None]."
            )
        if images.shape[1:] != (self.height, self.width, self.channels):
            raise DataError(
                f"The network's images should be {expected}, but have shape {images.shape}."
            )

    def read(self, source: Path | bytes, *, invert: bool = False) -> np.ndarray:
        """Read an image and bring it to the network's size and channels.

        Args:
            source: an image file, or the content of one.
            invert: turn light into dark and back.

        Returns:
            uint8 (height, width, channels).

        Raises:
            DataError: as `read_image`.
        """
        image = read_image(source, fit_for=(self.height, self.width))
        return self.fit_image(image, invert=invert)

    def read_sized(self, content: bytes, name: str) -> tuple[np.ndarray, tuple[int, int], bool]:
        """Read an image as `read` does, and tell what it was.

        Args:
            content: of an image file.
            name: what to call it in messages.

        Returns:
            uint8 (height, width, channels); the height and width of the file; whether it is in
            colour.

        Raises:
            DataError: as `read_image`.
        """
        image, size = read_sized_image(content, name=name, fit_for=(self.height, self.width))
        return self.fit_image(image), size, image.shape[-1] > 1

    def fit_image(self, image: np.ndarray, *, invert: bool = False) -> np.ndarray:
        """Bring one image to the network's size and channels, as `resize` says.

        Args:
            image: uint8 (H, W, C), C is 1, 3 or 4.
            invert: turn light into dark and back.

        Returns:
            uint8 (height, width, channels).
        """
        if image.shape[-1] == 4 and self.channels != 4:
            # An inverted image needs the opposite ground before it is turned over.
            ground = self.alpha_ground
            if ground is None:
                ground = 0 if self.polarity == "light-on-dark" else 255
            image = _over_ground(image, 255 - ground if invert else ground)
        if invert:
            image = np.concatenate([255 - image[..., :3], image[..., 3:]], axis=-1)
        if image.shape == (self.height, self.width, self.channels):
            return image
        resized = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        resized = resized.convert({1: "L", 3: "RGB", 4: "RGBA"}[self.channels])
        if resized.size != (self.width, self.height):
            resized = self._resized(resized)
        return np.asarray(resized).reshape(self.height, self.width, self.channels)

    def _resized(self, image: Image.Image) -> Image.Image:
        size, method = (self.width, self.height), Image.Resampling.BICUBIC
        if self.resize == "stretch":
            return image.resize(size, method)
        if self.resize == "crop":
            return ImageOps.fit(image, size, method)
        scale = min(self.width / image.width, self.height / image.height)
        inner = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        resized = image.resize(inner, method)
        if inner == size:
            return resized
        pixels = np.asarray(resized).reshape(1, inner[1], inner[0], self.channels)
        ground = np.median(border_pixels(pixels)[0], axis=0).astype(np.uint8).tolist()
        canvas = Image.new(image.mode, size, ground[0] if self.channels == 1 else tuple(ground))
        canvas.paste(resized, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
        return canvas

    def is_opposite(self, image: np.ndarray) -> bool:
        """Tell whether a fitted image is dark-on-light for a light-on-dark network or vice versa.

        Args:
            image: uint8 (height, width, channels).
        """
        found = polarity_of(image[None])
        return "mixed" not in (found, self.polarity) and found != self.polarity


def read_images(
    paths: Iterable[str | Path], size: tuple[int, int], channels: int = 3
) -> np.ndarray:
    """Read image files for training exactly as prediction will read them.

    Args:
        paths: image files of any size and mode.
        size: height and width to bring each to, its proportions kept.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).

    Returns:
        uint8 (N, height, width, channels), 0..255.

    Raises:
        DataError: when files cannot be read, naming all that cannot, or when there is none.

    Example:
        >>> read_images(["no such file.png"], size=(64, 64))
        Traceback (most recent call last):
        ...
        clearsight.errors.DataError: no such file.png should be an image file ...
    """
    preparation = Preparation(*size, channels)
    images, problems = [], []
    for path in paths:
        try:
            images.append(preparation.read(Path(path)))
        except DataError as error:
            problems.append(str(error))
    if problems or not images:
        raise DataError(" ".join(problems) or "There should be at least one image to read.")
    return np.stack(images)


def _over_ground(image: np.ndarray, ground: int) -> np.ndarray:
    """Lay RGB with alpha over an even ground: uint8 (H, W, 4) to uint8 (H, W, 3)."""
    # Some rows at a time: floats of a whole large image would take more than a gigabyte.
    num_rows = max(1, _GROUND_VALUES // image[0].size)
    laid = np.empty((*image.shape[:2], 3), np.uint8)
    for start in range(0, len(image), num_rows):
        rows = image[start : start + num_rows]
        alpha = rows[..., 3:].astype(np.float32) / 255
        laid[start : start + num_rows] = np.rint(rows[..., :3] * alpha + ground * (1 - alpha))
    return laid
