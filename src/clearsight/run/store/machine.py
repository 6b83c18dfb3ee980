"""What a run is computed with and on, for its record."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from clearsight.engine.runtime.choices import Device
from clearsight.errors import RunError
from clearsight.option_names import option
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.recipe import PositiveCount

_PACKAGES = ("clearsight", "keras", "torch", "numpy", "pillow")


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages that shape a run's numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def describe_machine(device: Device) -> dict[str, Any]:
    """Return processor, cores, threads and, if one is used, the GPU."""
    import torch

    from clearsight.engine.kernels.library import library

    return {
        "system": platform.platform(),
        "processor": _processor(),
        "num_cores": os.cpu_count(),
        "num_threads": torch.get_num_threads(),
        "kernels": "torch" if library() is None else "compiled",
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
    }


class CheckpointIdentity(BaseModel):
    """What a checkpoint depends on, to compare with when the run is resumed.

    Attributes:
        data: SHA-256 of the training images, in hexadecimal.
        versions: see `installed_versions`.
        num_threads: that torch used.
        batch_size: of the batches in which the position within an epoch is counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    versions: dict[str, str]
    num_threads: PositiveCount
    batch_size: PositiveCount

    @classmethod
    def now(cls, data_sha256: str, batch_size: int) -> Self:
        """Return the identity of a checkpoint that is saved by this process."""
        return cls(
            data=data_sha256,
            versions=installed_versions(),
            num_threads=describe_machine("cpu")["num_threads"],
            batch_size=batch_size,
        )

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """Return the identity that a checkpoint was saved with.

        Raises:
            RunError: when it has none.
        """
        try:
            return cls(**checkpoint.identity)
        except (TypeError, ValidationError) as error:
            raise RunError(
                "A checkpoint should say on which images, versions and threads it depends, but "
                "does not: restore it from a copy, or train again with another "
                f"{option('out')}."
            ) from error


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
