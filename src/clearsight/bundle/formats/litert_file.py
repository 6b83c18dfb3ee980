"""``model.tflite``: for LiteRT, formerly TensorFlow Lite, on phones; one image at a time."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.loaded import Network
from clearsight.bundle.quiet import quiet_logging
from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME, BundleSpec
from clearsight.errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

MODEL_FILE = "model.tflite"


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.tflite`` into a folder.

    Raises:
        MissingExtraError: when LiteRT's converter is not installed.
        BundleError: when it cannot express the network.
    """
    import torch

    try:
        import litert_torch  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("Writing a bundle for LiteRT", "litert") from error
    del spec

    class Named(torch.nn.Module):
        """Gives what comes out its name."""

        def __init__(self) -> None:
            super().__init__()
            self.module = network.as_module()

        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return {OUTPUT_NAME: self.module(images)}

    try:
        with _quiet(), torch.no_grad():
            example = {INPUT_NAME: network.images(1)}
            converted = litert_torch.convert(Named().eval(), sample_kwargs=example)
            converted.export(str(folder / MODEL_FILE))
    except Exception as error:  # the converter raises whatever it stumbles over
        raise BundleError(
            f"The network '{network.model.name}' should be written for LiteRT, but its converter "
            f"cannot express it ({str(error).strip().splitlines()[0]}): export it with --format "
            "onnx."
        ) from error
    return (MODEL_FILE,)


def opened(files: BundleFiles, num_threads: int | None) -> Network:
    """Return what runs ``model.tflite``.

    Raises:
        MissingExtraError: when LiteRT is not installed.
        BundleError: when it is no network.
    """
    try:
        from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingImports]
            Interpreter,
        )
    except ImportError as error:
        raise MissingExtraError(f"Running {files.path}", "litert") from error
    content = files.read(MODEL_FILE)
    try:
        interpreter: Any = Interpreter(model_content=content, num_threads=num_threads)
        interpreter.allocate_tensors()
        signature = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise BundleError(
            f"{files.path}'s {MODEL_FILE} should be a network that LiteRT runs, but cannot be "
            f"loaded ({str(error).strip().splitlines()[0]}): export the run again."
        ) from error

    def run(images: np.ndarray) -> np.ndarray:
        rows = [signature(**{INPUT_NAME: image[None]})[OUTPUT_NAME] for image in images]
        return np.concatenate(rows)

    return run


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the converter from telling each of its steps."""
    silent = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with quiet_logging(), silent[0], silent[1]:
        yield
