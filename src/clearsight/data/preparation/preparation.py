"""`Preparation`: how images become a network's input, in training as in prediction.

`Preparation.read` reads and resizes image files, `Preparation.apply` scales the pixels. The
description is saved with the run and in every export.
"""

from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from clearsight.data.preparation.polarity import Polarity, find_polarity
from clearsight.data.preparation.read_image import read_image
from clearsight.data.preparation.resize import ResizeMethod, flatten_alpha, resize_image
from clearsight.errors import DataError

_POLARITY_SAMPLE = 10_000  # images whose polarity is measured
# Increased when `fit_image` or `apply` would return other numbers for the same image.
VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """How images become a network's input.

    Attributes:
        height: rows of the input.
        width: columns of the input.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).
        divisor: pixel values 0..255 are divided by this; 255 gives [0, 1], 1 leaves them.
        polarity: whether the training images are light on dark or dark on light.
        resize: how images of another shape are resized; see `resize_image`.
        alpha_background: the grey value, 0..255, on which images with alpha are drawn; None for
            black or white, as the polarity suggests.
        version: of these rules.
    """

    height: int
    width: int
    channels: int
    divisor: float = 255.0
    polarity: Polarity = "mixed"
    resize: ResizeMethod = "fit"
    alpha_background: int | None = None
    version: int = VERSION

    @classmethod
    def for_training(
        cls,
        images: np.ndarray,
        *,
        divisor: float = 255.0,
        resize: ResizeMethod = "fit",
        alpha_background: int | None = None,
    ) -> Self:
        """Describe the preparation of a network that trains on `images`: uint8 (N, H, W, C)."""
        num_images, height, width, channels = images.shape
        # Some of the images, so that a file larger than memory is not read whole.
        sample = images[:: -(-num_images // _POLARITY_SAMPLE)]
        polarity = find_polarity(sample)
        return cls(height, width, channels, divisor, polarity, resize, alpha_background)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            DataError: when entries are missing or unknown, or the version is another.
        """
        names = {field.name for field in fields(cls)}
        required = {field.name for field in fields(cls) if field.default is MISSING}
        if not required <= set(values) <= names:
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
        """Divide images, uint8 (N, height, width, channels), by `divisor`: float32.

        Raises:
            DataError: as `check`.
        """
        self.check(images)
        return np.divide(images, np.float32(self.divisor), dtype=np.float32)

    def check(self, images: np.ndarray) -> None:
        """Raise `DataError` unless images are uint8 (N, height, width, channels)."""
        if not len(images):
            raise DataError("There should be at least one image, but there is none.")
        expected = f"uint8 images (N, {self.height}, {self.width}, {self.channels}) from 0 to 255"
        if images.dtype != np.uint8:
            raise DataError(
                f"The network's images should be {expected}, but are {images.dtype}: pass the "
                "pixels as they are in the file; they are scaled here."
            )
        if images.shape[1:] != (self.height, self.width, self.channels):
            fix = ", without a channel axis: add it with images[..., None]"
            is_fix = images.ndim == 3 and images.shape[1:] == (self.height, self.width)
            raise DataError(
                f"The network's images should be {expected}, but have shape {images.shape}"
                f"{fix if is_fix else ''}."
            )

    def read(
        self, source: Path | bytes, *, name: str | None = None, invert: bool = False
    ) -> "PreparedImage":
        """Read an image file or its content and resize it.

        With `invert` its brightness is inverted first. Messages call it `name`.

        Raises:
            DataError: as `read_image`.
        """
        name = name or (str(source) if isinstance(source, Path) else "The image")
        found = read_image(source, name=name, fit_for=(self.height, self.width))
        warnings = found.warnings
        background = self._background_of(found.pixels)
        if background is not None and found.pixels[..., 3].min() < 255:
            grey = {0: "black", 255: "white"}.get(background, f"the grey value {background}")
            warnings += (f"{name} is partly transparent: it was drawn on {grey}.",)
        pixels = self.fit_image(found.pixels, invert=invert)
        return PreparedImage(pixels, found.size, found.pixels.shape[-1] > 1, warnings)

    def fit_image(self, image: np.ndarray, *, invert: bool = False) -> np.ndarray:
        """Resize one image, uint8 (H, W, C), to the network's input (height, width, channels).

        It is drawn on a background if it has alpha, and with `invert` inverted first.
        """
        background = self._background_of(image)
        if background is not None:
            # An image that is inverted below needs the opposite background.
            image = flatten_alpha(image, 255 - background if invert else background)
        if invert:
            image = np.concatenate([255 - image[..., :3], image[..., 3:]], axis=-1)
        return resize_image(image, (self.height, self.width, self.channels), self.resize)

    def _background_of(self, image: np.ndarray) -> int | None:
        """Return the grey value on which an image is drawn; None if it needs no background."""
        if image.shape[-1] != 4 or self.channels == 4:
            return None
        if self.alpha_background is not None:
            return self.alpha_background
        return 0 if self.polarity == "light-on-dark" else 255

    def is_opposite(self, image: np.ndarray) -> bool:
        """Return whether a resized image has the opposite polarity of the training images."""
        found = find_polarity(image[None])
        return "mixed" not in (found, self.polarity) and found != self.polarity


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image file, resized to a network's input.

    Attributes:
        pixels: uint8 (height, width, channels).
        size: height and width in the file.
        is_colour: whether the file has colour or alpha.
        warnings: sentences about what was left out or chosen, or may be wrong.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    is_colour: bool
    warnings: tuple[str, ...]


def read_images(
    paths: Iterable[str | Path], size: tuple[int, int], channels: int = 3
) -> np.ndarray:
    """Read image files for training exactly as prediction will read them.

    Args:
        paths: image files of any size and mode.
        size: height and width to resize each to; its proportions are kept.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).

    Returns:
        uint8 (N, height, width, channels), 0..255.

    Raises:
        DataError: when files cannot be read (the message lists them all) or there are none.

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
            images.append(preparation.read(Path(path)).pixels)
        except DataError as error:
            problems.append(str(error))
    if problems or not images:
        raise DataError(" ".join(problems) or "There should be at least one image to read.")
    return np.stack(images)
