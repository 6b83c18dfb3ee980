"""`Preparation`: how pictures become a network's input, said once and applied everywhere alike.

Training, evaluation and prediction all go through `Preparation.apply`; picture files are first read
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
from clearsight.data.preparation.read_image import read_picture, read_sized_picture
from clearsight.errors import DataError

ResizeMethod = Literal["fit", "crop", "stretch"]

_GROUND_VALUES = 4_000_000  # of a picture with alpha that are floats at once
_POLARITY_SAMPLE = 10_000  # pictures whose borders are looked at: plenty for a share
# Raised when `fit_picture` or `apply` would make other numbers of the same picture.
VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """How pictures become a network's input.

    Attributes:
        height: rows of the input.
        width: columns of the input.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).
        divisor: pixel values 0..255 are divided by this; 255 gives [0, 1], 1 leaves them.
        polarity: whether training pictures show light things on dark ground or the reverse.
        resize: how pictures of another shape are brought to it: "fit" keeps their proportions and
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
            images: uint8 (N, H, W, C), the training pictures.
            divisor: see the class, likewise below.
            resize: see the class.
            alpha_ground: see the class.
        """
        num_images, height, width, channels = images.shape
        # Some of the pictures, so that a file larger than memory is not read whole.
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
        """Turn pictures into the network's input.

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
        """Check that pictures are uint8 (N, height, width, channels).

        Raises:
            DataError: when they are not; scaled floats are told as such.
        """
        if not len(images):
            raise DataError("There should be at least one picture, but there is none.")
        expected = f"uint8 pictures (N, {self.height}, {self.width}, {self.channels}) from 0 to 255"
        if images.dtype != np.uint8:
            raise DataError(
                f"The network's pictures should be {expected}, but are {images.dtype}: give the "
                "pixels as they are in the file, the scaling is done here."
            )
        if images.ndim == 3 and images.shape[1:] == (self.height, self.width):
            raise DataError(
                f"The network's pictures should be {expected}, but have shape {images.shape}, "
                "without a channel axis: add it with images[..., None]."
            )
        if images.shape[1:] != (self.height, self.width, self.channels):
            raise DataError(
                f"The network's pictures should be {expected}, but have shape {images.shape}."
            )

    def read(self, source: Path | bytes, *, invert: bool = False) -> np.ndarray:
        """Read a picture and bring it to the network's size and channels.

        Args:
            source: a picture file, or the content of one.
            invert: turn light into dark and back.

        Returns:
            uint8 (height, width, channels).

        Raises:
            DataError: as `read_picture`.
        """
        picture = read_picture(source, fit_for=(self.height, self.width))
        return self.fit_picture(picture, invert=invert)

    def read_sized(self, content: bytes, name: str) -> tuple[np.ndarray, tuple[int, int], bool]:
        """Read a picture as `read` does, and tell what it was.

        Args:
            content: of a picture file.
            name: what to call it in messages.

        Returns:
            uint8 (height, width, channels); the height and width of the file; whether it is in
            colour.

        Raises:
            DataError: as `read_picture`.
        """
        picture, size = read_sized_picture(content, name=name, fit_for=(self.height, self.width))
        return self.fit_picture(picture), size, picture.shape[-1] > 1

    def fit_picture(self, picture: np.ndarray, *, invert: bool = False) -> np.ndarray:
        """Bring one picture to the network's size and channels, as `resize` says.

        Args:
            picture: uint8 (H, W, C), C is 1, 3 or 4.
            invert: turn light into dark and back.

        Returns:
            uint8 (height, width, channels).
        """
        if picture.shape[-1] == 4 and self.channels != 4:
            # An inverted picture needs the opposite ground before it is turned over.
            ground = self.alpha_ground
            if ground is None:
                ground = 0 if self.polarity == "light-on-dark" else 255
            picture = _over_ground(picture, 255 - ground if invert else ground)
        if invert:
            picture = np.concatenate([255 - picture[..., :3], picture[..., 3:]], axis=-1)
        if picture.shape == (self.height, self.width, self.channels):
            return picture
        image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
        image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[self.channels])
        if image.size != (self.width, self.height):
            image = self._resized(image)
        return np.asarray(image).reshape(self.height, self.width, self.channels)

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

    def is_opposite(self, picture: np.ndarray) -> bool:
        """Tell whether a fitted picture is dark-on-light for a light-on-dark network or vice versa.

        Args:
            picture: uint8 (height, width, channels).
        """
        found = polarity_of(picture[None])
        return "mixed" not in (found, self.polarity) and found != self.polarity


def read_pictures(
    paths: Iterable[str | Path], size: tuple[int, int], channels: int = 3
) -> np.ndarray:
    """Read picture files for training exactly as prediction will read them.

    Args:
        paths: picture files of any size and mode.
        size: height and width to bring each to, its proportions kept.
        channels: 1 (grey), 3 (RGB) or 4 (RGB with alpha).

    Returns:
        uint8 (N, height, width, channels), 0..255.

    Raises:
        DataError: when files cannot be read, naming all that cannot, or when there is none.

    Example:
        >>> read_pictures(["no such file.png"], size=(64, 64))
        Traceback (most recent call last):
        ...
        clearsight.errors.DataError: no such file.png should be a picture file ...
    """
    preparation = Preparation(*size, channels)
    pictures, problems = [], []
    for path in paths:
        try:
            pictures.append(preparation.read(Path(path)))
        except DataError as error:
            problems.append(str(error))
    if problems or not pictures:
        raise DataError(" ".join(problems) or "There should be at least one picture to read.")
    return np.stack(pictures)


def _over_ground(picture: np.ndarray, ground: int) -> np.ndarray:
    """Lay RGB with alpha over an even ground: uint8 (H, W, 4) to uint8 (H, W, 3)."""
    # Some rows at a time: floats of a whole large picture would take more than a gigabyte.
    num_rows = max(1, _GROUND_VALUES // picture[0].size)
    laid = np.empty((*picture.shape[:2], 3), np.uint8)
    for start in range(0, len(picture), num_rows):
        rows = picture[start : start + num_rows]
        alpha = rows[..., 3:].astype(np.float32) / 255
        laid[start : start + num_rows] = np.rint(rows[..., :3] * alpha + ground * (1 - alpha))
    return laid
