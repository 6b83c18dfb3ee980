"""What a run is computed with and on, for its record."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clearsight.engine.runtime.choices import Device

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


def checkpoint_identity(data_sha256: str, batch_size: int) -> dict[str, Any]:
    """Return what a checkpoint depends on, to compare with when the run is resumed.

    The position within an epoch is counted in batches of `batch_size` images.
    """
    return {
        "data": data_sha256,
        "versions": installed_versions(),
        "num_threads": describe_machine("cpu")["num_threads"],
        "batch_size": batch_size,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
