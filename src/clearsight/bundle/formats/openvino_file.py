"""``model.xml`` and ``model.bin``: for OpenVINO, which is fast on Intel processors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats import onnx_file
from clearsight.bundle.formats.model_format import Network, load_error
from clearsight.bundle.formats.openvino_check import check_batch
from clearsight.bundle.formats.without_telemetry import import_openvino
from clearsight.bundle.onnx_check.size import images_at_once
from clearsight.bundle.spec import INPUT_NAME, OUTPUT_NAME, BundleSpec
from clearsight.errors import needs_extra
from clearsight.io.scratch import scratch_folder

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

GRAPH_FILE, WEIGHTS_FILE = "model.xml", "model.bin"
_START = b'<?xml version="1.0"?>\n<net '


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write the two files into a folder, converted from ONNX, which OpenVINO reads itself.

    Raises:
        MissingExtraError: if OpenVINO or ONNX is not installed.
        BundleError: if the network cannot be converted.
    """
    with needs_extra("Writing a bundle for OpenVINO", "openvino"):
        openvino = import_openvino()
    with scratch_folder() as temporary:
        onnx_file.write(network, spec, temporary)
        model = openvino.convert_model(temporary / onnx_file.MODEL_FILE)
    # OpenVINO's default, weights in 16 bits, would fail the parity check.
    openvino.save_model(model, folder / GRAPH_FILE, compress_to_fp16=False)
    return (GRAPH_FILE, WEIGHTS_FILE)


def open_model(files: BundleFiles, num_threads: int | None) -> Network:
    """Load the two files, to run in float32, after checking that they only classify images.

    Raises:
        MissingExtraError: if OpenVINO is not installed.
        BundleError: if OpenVINO cannot load them, or they hold more than a network.
    """
    with needs_extra(f"Running {files.path}", "openvino"):
        openvino = import_openvino()
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if num_threads is not None:
        settings["INFERENCE_NUM_THREADS"] = num_threads
    graph, weights = files.read(GRAPH_FILE), files.read(WEIGHTS_FILE)
    shape, checked = files.spec.image_shape, {1}
    try:
        if not graph.startswith(_START):
            # OpenVINO would take it for another format, of which some read other files.
            raise ValueError("it does not begin as OpenVINO writes it")
        core = openvino.Core()
        model = core.read_model(graph, weights)
        size = images_at_once(check_batch(model, 1, shape))
        network = core.compile_model(model, "CPU", settings)
    except (RuntimeError, ValueError) as error:
        raise load_error(f"{files.path}'s {GRAPH_FILE}", "OpenVINO", error) from error

    def run(images: np.ndarray) -> np.ndarray:
        batches = [images[start : start + size] for start in range(0, len(images), size)]
        for count in {len(batch) for batch in batches} - checked:
            check_batch(model, count, shape)
            checked.add(count)
        return np.concatenate([network({INPUT_NAME: each})[OUTPUT_NAME] for each in batches])

    return run
