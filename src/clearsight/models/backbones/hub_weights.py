"""Weights in safetensors files on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearsight.errors import DataError, ModelError
from clearsight.io.download import download
from clearsight.io.scratch import scratch_folder

if TYPE_CHECKING:
    import numpy as np

_FILE = "model.safetensors"


@dataclass(frozen=True)
class HubWeights:
    """One revision of a repository's file ``model.safetensors``.

    Attributes:
        repository: "OWNER/NAME".
        revision: the commit, so that the file cannot change.
        sha256: of the file.
        size_bytes: of the file.
        convert: turns torch's weights by name into Keras's by the path of the variable.
    """

    repository: str
    revision: str
    sha256: str
    size_bytes: int
    convert: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

    @property
    def origin(self) -> str:
        """The repository."""
        return f"Hugging Face: {self.repository}"

    @property
    def checksum(self) -> str:
        """The file's SHA-256."""
        return f"SHA-256 {self.sha256}"

    def is_local(self) -> bool:
        """Return False: what was downloaded is in the cache."""
        return False

    def read(self) -> dict[str, np.ndarray]:
        """Download the weights, and return them by the path of their Keras variable.

        Raises:
            ModelError: if they cannot be downloaded or are not the published file.
        """
        import safetensors.numpy

        host = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        url = f"{host}/{self.repository}/resolve/{self.revision}/{_FILE}"
        with scratch_folder() as folder:
            try:
                content = download(url, folder, self.size_bytes).read_bytes()
            except DataError as error:
                raise ModelError(
                    f"{url} should be downloaded once, but cannot be ({error}): check the network, "
                    "or use a backbone that is at hand, see clearsight backbones."
                ) from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelError(
                f"{url} should be the file with SHA-256 {self.sha256}, but is another: try again, "
                "or use another backbone."
            )
        return self.convert(safetensors.numpy.load(content))
