"""`Preparation`: how images become a network's input, in training as in prediction.

`Preparation.read` reads and resizes image files, `Preparation.apply` scales the pixels. The
description is saved with the run and in every export.
"""

import logging
import reprlib
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np

from clearsight.data.preparation.colour import is_in_colour
from clearsight.data.preparation.decoding_memory import decoding_memory
from clearsight.data.preparation.pixel_range import (
    PixelRange,
    full_range,
    parse_pixel_range,
    range_warning,
)
from clearsight.data.preparation.polarity import Polarity, find_polarity
from clearsight.data.preparation.prepared_image import PreparedImage
from clearsight.data.preparation.read_image import read_image
from clearsight.data.preparation.resize import ResizeMethod, flatten_alpha, resize_image
from clearsight.errors import DataError, describe_found

_log = logging.getLogger(__name__)
_POLARITY_SAMPLE = 10_000  # images whose polarity is measured
# Increased when `fit_image` or `apply` would return other numbers for the same image.
VERSION = 1
MAX_SIDE = 65_535
_DIVISORS = (1e-3, 1e6)  # the smallest and the largest


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
        pixel_range: the values of deep images that become 0 and 255; None if the training images
            had 8 bits, which deep images are then converted to by the full range of their type.
    """

    height: int
    width: int
    channels: int
    divisor: float = 255.0
    polarity: Polarity = "mixed"
    resize: ResizeMethod = "fit"
    alpha_background: int | None = None
    version: int = VERSION
    pixel_range: PixelRange | None = None

    @classmethod
    def for_training(
        cls,
        images: np.ndarray,
        *,
        divisor: float = 255.0,
        resize: ResizeMethod = "fit",
        alpha_background: int | None = None,
        pixel_range: PixelRange | None = None,
    ) -> Self:
        """Describe the preparation of a network that trains on `images`: uint8 (N, H, W, C)."""
        num_images, height, width, channels = images.shape
        # Some of the images, so that a file larger than memory is not read whole.
        sample = images[:: -(-num_images // _POLARITY_SAMPLE)]
        polarity = find_polarity(sample)
        return cls(
            height,
            width,
            channels,
            divisor=divisor,
            polarity=polarity,
            resize=resize,
            alpha_background=alpha_background,
            pixel_range=pixel_range,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the input."""
        return self.height, self.width, self.channels

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Read what `to_json` wrote.

        Raises:
            DataError: when entries are missing, unknown or out of range, or it is of another
                version.
        """
        if not isinstance(values, dict):
            raise DataError("A preparation should be a JSON object, but is none.")
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
        for name, is_valid in _IS_VALID.items():
            if name in values and not is_valid(values[name]):
                raise DataError(
                    f"A preparation cannot have the {name} {reprlib.repr(values[name])}."
                )
        given = values.get("pixel_range")
        try:
            pixel_range = None if given is None else parse_pixel_range(given)
        except ValueError as error:
            raise DataError(f"A preparation's pixel_range {given!r} {error}.") from error
        return cls(**{**values, "pixel_range": pixel_range})

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

    def check(self, images: np.ndarray, *, any_size: bool = False) -> None:
        """Check that images are uint8 (N, height, width, channels), 0..255.

        With `any_size` they are (N, H, W, C), deep if the network was trained on deep images.

        Raises:
            DataError: when they are not; the message lists all mistakes.
        """
        shape = (self.height, self.width, self.channels)
        expected = "(N, H, W, C) with 1, 3 or 4 channels" if any_size else f"(N, {str(shape)[1:]}"
        found = []
        if not (isinstance(images, np.ndarray) and images.ndim):
            found.append(
                f"are {describe_found(images)}, no array: read files with clearsight.read_images"
            )
        elif not len(images):
            raise DataError("There should be at least one image, but there is none.")
        else:
            has_shape = images.ndim == 4 and images.shape[-1] in (1, 3, 4)
            if not (has_shape if any_size else images.shape[1:] == shape):
                found.append(f"have shape {images.shape}{self._shape_advice(images.shape)}")
            is_deep = self.pixel_range is not None and images.dtype.kind in "iuf"
            if images.dtype != np.uint8 and not (any_size and is_deep):
                found.append(
                    f"are {images.dtype}: pass the pixels as they are in the file; they are scaled "
                    "here"
                )
        if found:
            raise DataError(
                f"The network's images should be uint8 images {expected} from 0 to 255, but "
                f"{', and '.join(found)}."
            )

    def _shape_advice(self, found: tuple[int, ...]) -> str:
        if found == self.image_shape:
            return ", which is a single image: add an axis with images[None]"
        if len(found) == 3 and found[1:] == self.image_shape[:2]:
            return ", without a channel axis: add it with images[..., None]"
        return ""

    def read(
        self, source: Path | bytes, *, name: str | None = None, invert: bool = False
    ) -> PreparedImage:
        """Read an image file or its content and resize it.

        With `invert` its brightness is inverted first. Messages call it `name`.

        Raises:
            DataError: as `read_image`.
        """
        name = name or (str(source) if isinstance(source, Path) else "The image")
        fit_for = (self.height, self.width)
        with decoding_memory() as reserve:
            found = read_image(source, name=name, fit_for=fit_for, reserve=reserve)
            prepared = self.prepare(found.pixels, name, invert=invert)
        return replace(prepared, warnings=found.warnings(name) + prepared.warnings)

    def prepare(self, image: np.ndarray, name: str, *, invert: bool = False) -> PreparedImage:
        """Resize an image, uint8 or deep (H, W, C), as `fit_image` does; `name` is for messages."""
        warnings = []
        background = self._background_of(image)
        if background is not None and image[..., 3].min() < 255:
            grey = {0: "black", 255: "white"}.get(background, f"the grey value {background}")
            warnings.append(f"{name} is partly transparent: it was drawn on {grey}.")
        if self.loses_colour(image):
            warnings.append(
                f"{name} is in colour, but the network was trained on grey images: only its "
                "brightness was used."
            )
        warnings += filter(None, [range_warning(image, self.pixel_range, name)])
        return PreparedImage(self.fit_image(image, invert=invert), tuple(warnings))

    def fit_image(self, image: np.ndarray, *, invert: bool = False) -> np.ndarray:
        """Resize one image (H, W, C), uint8 or deep, to the network's input.

        It is drawn on a background if it has alpha, and with `invert` inverted first.

        Returns:
            uint8 (height, width, channels).
        """
        used_range = self._range_of(image)
        background = self._background_of(image)
        if background is not None and invert:  # it is inverted with the image
            background = 255 - background

        def to_pixels(rows: np.ndarray) -> np.ndarray:
            if rows.dtype != np.uint8:
                rows = used_range.to_uint8(rows)
            if background is not None:
                rows = flatten_alpha(rows, background)
            if invert:
                rows = np.concatenate([255 - rows[..., :3], rows[..., 3:]], axis=-1)
            return rows

        shape = (self.height, self.width, self.channels)
        return resize_image(image, shape, self.resize, to_pixels)

    def loses_colour(self, image: np.ndarray) -> bool:
        """Return whether an image (H, W, C), uint8 or deep, is in colour and becomes grey."""
        return self.channels == 1 and is_in_colour(image, self._range_of(image))

    def _range_of(self, image: np.ndarray) -> PixelRange:
        """Return the values of an image that become 0 and 255."""
        if image.dtype == np.uint8:
            return PixelRange(0, 255)
        return self.pixel_range or full_range(image.dtype)

    def _background_of(self, image: np.ndarray) -> int | None:
        """Return the grey value on which an image is drawn; None if it needs no background."""
        if image.shape[-1] != 4 or self.channels == 4:
            return None
        if self.alpha_background is not None:
            return self.alpha_background
        return 0 if self.polarity == "light-on-dark" else 255

    def is_opposite(self, image: np.ndarray) -> bool:
        """Return whether a resized image, uint8 (H, W, C), is inverted compared with training."""
        found = find_polarity(image[None])
        return "mixed" not in (found, self.polarity) and found != self.polarity


def _is_whole(value: Any, lowest: int, highest: int) -> bool:
    return type(value) is int and lowest <= value <= highest


_IS_VALID: dict[str, Callable[[Any], bool]] = {
    "height": lambda value: _is_whole(value, 1, MAX_SIDE),
    "width": lambda value: _is_whole(value, 1, MAX_SIDE),
    "channels": lambda value: type(value) is int and value in (1, 3, 4),
    "divisor": lambda value: type(value) in (int, float) and _DIVISORS[0] <= value <= _DIVISORS[1],
    "polarity": lambda value: value in get_args(Polarity),
    "resize": lambda value: value in get_args(ResizeMethod),
    "alpha_background": lambda value: value is None or _is_whole(value, 0, 255),
}
