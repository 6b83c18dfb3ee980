"""Networks and weights of `keras.applications`, which Keras itself downloads."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearsight.errors import ModelError

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True)
class KerasWeights:
    """The weights of a network of `keras.applications`, without its classifier.

    Attributes:
        function: its name in `keras.applications`.
        file_name: of the weights in Keras's own cache.
        checksum: which Keras checks after the download.
        size_bytes: of the file, about.
        image_size: at which the network is built to get its weights.
        convert: turns the network into weights by the path of our variable.
    """

    function: str
    file_name: str
    checksum: str
    size_bytes: int
    image_size: int
    convert: Callable[[keras.Model], dict[str, np.ndarray]]

    @property
    def origin(self) -> str:
        """The function."""
        return f"Keras: {self.function}"

    def is_local(self) -> bool:
        """Return whether Keras has downloaded the file before."""
        home = os.environ.get("KERAS_HOME")
        folder = Path(home) if home else Path("~/.keras").expanduser()
        return (folder / "models" / self.file_name).is_file()

    def read(self) -> dict[str, np.ndarray]:
        """Let Keras load the weights, and return them by the path of our variable.

        Raises:
            ModelError: if they cannot be downloaded or are not the published file.
        """
        size = (self.image_size, self.image_size)
        try:
            with redirect_stdout(sys.stderr):  # on which Keras draws a progress bar
                return self.convert(build_application(self.function, size, weights="imagenet"))
        except Exception as error:  # Keras raises Exception itself if a download fails
            raise ModelError(
                f"The weights of {self.function} should be downloaded by Keras once, but cannot be "
                f"({error}): check the network, or use a backbone that is at hand, see clearsight "
                "backbones."
            ) from error


def build_application(
    function: str, image_size: tuple[int, int], weights: str | None = None, **options: Any
) -> keras.Model:
    """Build a network of `keras.applications` up to its pooled features."""
    from clearsight.models.backend import keras

    build = getattr(keras.applications, function)
    with warnings.catch_warnings():
        # Of other sizes than 224: its convolutions take any.
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        return build(
            include_top=False,
            weights=weights,
            input_shape=(*image_size, 3),
            pooling="avg",
            **options,
        )
