"""`ModelFormat`: how one format of model file is written and opened, and how either fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.spec import BundleSpec
from clearsight.errors import BundleError
from clearsight.io.displayed_text import displayed_start

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

Network = Callable[[np.ndarray], np.ndarray]  # uint8 (N, H, W, C) to float32 (N, K)


@dataclass(frozen=True)
class ModelFormat:
    """One format of model file.

    Attributes:
        name: the value of ``--format``.
        files: the names of the model's files.
        write: writes the model's files into a folder and returns their names.
        open_model: opens them to run on a number of threads, None for one per core.
    """

    name: str
    files: tuple[str, ...]
    write: Callable[[TrainedNetwork, BundleSpec, Path], tuple[str, ...]]
    open_model: Callable[[BundleFiles, int | None], Network]


def write_error(network: TrainedNetwork, target: str, reason: str, instead: str) -> BundleError:
    """Return the error for a network that a converter does not support."""
    return BundleError(
        f"The network '{network.model.name}' should be written for {target}, but its converter "
        f"does not support it ({reason}): export it with --format {instead}."
    )


def load_error(model: str, runtime: str, error: Exception) -> BundleError:
    """Return the error for a model file that its runtime cannot load."""
    return BundleError(
        f"{model} should be a network that {runtime} runs, but cannot be loaded "
        f"({first_line(error)}): export the run again."
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none.

    A runtime's message may quote names from the model file, which may hold anything.
    """
    return displayed_start(next(iter(str(error).strip().splitlines()), type(error).__name__))
