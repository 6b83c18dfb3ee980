"""``model.xml`` and ``model.bin``: for OpenVINO, which is quick on Intel's processors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats import onnx_file
from clearsight.bundle.loaded import Network
from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME, BundleSpec
from clearsight.errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

GRAPH_FILE, WEIGHTS_FILE = "model.xml", "model.bin"


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write the two files into a folder, by way of ONNX, which OpenVINO reads itself.

    Raises:
        MissingExtraError: when OpenVINO or ONNX is not installed.
        BundleError: when the network cannot be expressed.
    """
    openvino = _openvino("Writing a bundle for OpenVINO")
    with tempfile.TemporaryDirectory() as beside:
        onnx_file.write(network, spec, Path(beside))
        model = openvino.convert_model(Path(beside) / onnx_file.MODEL_FILE)
    # Weights in 16 bits, OpenVINO's default, would be no parity.
    openvino.save_model(model, folder / GRAPH_FILE, compress_to_fp16=False)
    return (GRAPH_FILE, WEIGHTS_FILE)


def opened(files: BundleFiles, num_threads: int | None) -> Network:
    """Return what runs the two files, in float32.

    Raises:
        MissingExtraError: when OpenVINO is not installed.
        BundleError: when they are no network.
    """
    openvino = _openvino(f"Running {files.path}")
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if num_threads is not None:
        settings["INFERENCE_NUM_THREADS"] = num_threads
    graph, weights = files.read(GRAPH_FILE), files.read(WEIGHTS_FILE)
    try:
        core = openvino.Core()
        network = core.compile_model(core.read_model(graph, weights), "CPU", settings)
    except RuntimeError as error:
        raise BundleError(
            f"{files.path}'s {GRAPH_FILE} should be a network that OpenVINO runs, but cannot be "
            f"loaded ({str(error).strip().splitlines()[0]}): export the run again."
        ) from error

    def run(images: np.ndarray) -> np.ndarray:
        return np.array(network({INPUT_NAME: images})[OUTPUT_NAME])

    return run


def _openvino(what: str) -> Any:
    try:
        import openvino  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError(what, "openvino") from error
    return openvino
