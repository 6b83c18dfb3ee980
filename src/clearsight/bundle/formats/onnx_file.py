"""``model.onnx``: written by torch's exporters, run by ONNX Runtime."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.formats.model_format import Network, first_line, load_error, write_error
from clearsight.bundle.formats.quiet import quiet
from clearsight.bundle.formats.without_telemetry import import_onnx_runtime
from clearsight.bundle.onnx_check.model import read_model
from clearsight.bundle.onnx_check.size import Measure
from clearsight.bundle.spec import INPUT_NAME, METADATA_PREFIX, OUTPUT_NAME, SPEC_FILE, BundleSpec
from clearsight.errors import BundleError, needs_extra
from clearsight.io.machine import num_cores
from clearsight.io.write_error import find_refusal

if TYPE_CHECKING:
    from clearsight.bundle.network import ImagesToProbabilities, TrainedNetwork

MODEL_FILE = "model.onnx"
# Opset 17 is read by every runtime since 2022; the newer exporter writes none lower than 18.
_TRACE_OPSET, _DYNAMO_OPSET = 17, 18
_EXAMPLE_BATCH = 3
_CHECKED_BATCHES = (1, 5)
_TOLERANCE = 1e-4
# Images and values of a small batch, and the largest network that is held in memory twice.
_SMALL_BATCH, _SMALL_VALUES = 32, 500_000
_MAX_COPIED_BYTES = 64 * 2**20


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.onnx`` into a folder.

    torch has two exporters. The tracing one takes 0.1 s where the newer one takes 3 s (the lesson's
    network, 2 cores, torch 2.13) and writes the same operations, but turns what depends on the
    batch size into a constant. So it is tried first, then the newer one if the trace is wrong at
    other batch sizes.

    Raises:
        MissingExtraError: if ONNX is not installed.
        BundleError: if neither exporter supports the network.
    """
    with needs_extra("Writing a bundle", "onnx"):
        import onnx  # noqa: F401

        import_onnx_runtime()
    import torch

    module, path = network.as_module(), folder / MODEL_FILE
    reasons = []
    for dynamo in (False, True):
        try:
            with quiet("torch.onnx"), torch.no_grad():
                _export(module, network, path, dynamo=dynamo)
            if _matches_other_batches(module, network, path):
                add_metadata(path, spec)
                return (MODEL_FILE,)
            reasons.append("the graph works for one batch size only")
        except Exception as error:  # the exporters' errors share no base class
            if find_refusal(error) is not None:
                raise
            reasons.append(f"{type(error).__name__}: {first_line(error)}")
    raise write_error(network, "ONNX", "; ".join(reasons), "keras")


def open_model(files: BundleFiles, num_threads: int | None) -> Network:
    """Load ``model.onnx``, after checking that it does nothing but classify images.

    Raises:
        MissingExtraError: if ONNX Runtime is not installed.
        BundleError: if ONNX Runtime cannot load it, it holds more than a network of known
            operators, or it disagrees with ``bundle.json``.
    """
    model, name = files.read(MODEL_FILE), f"{files.path}'s {MODEL_FILE}"
    measure = _check(model, files.spec.image_shape, name)
    session = _open_session(model, num_threads, name)
    _check_agreement(session, files)
    return _Runner(model, session, measure, num_threads).run


def open_file(path: Path, image_shape: tuple[int, int, int]) -> Network:
    """Load a model file outside a bundle, for images of a height, width and channels.

    Raises:
        BundleError: as `open_model`.
    """
    model = path.read_bytes()
    measure = _check(model, image_shape, path.name)
    return _Runner(model, _open_session(model, None, path.name), measure, None).run


def _check(model: bytes, image_shape: tuple[int, int, int], name: str) -> Measure:
    """Check the bytes of a model before ONNX Runtime sees them; see `bundle.onnx_check`."""
    try:
        measure = Measure(read_model(model), image_shape)
        measure.of_batch(1)
    except ValueError as error:
        raise BundleError(
            f"{name} should be a network that clearsight wrote, but {first_line(error)}: do not "
            "use it, or export its run again."
        ) from error
    return measure


class _Runner:
    """Runs a few images on all threads together, many images in small batches, one per thread.

    A small batch's activations stay in a core's own cache, and no thread waits for another: 10,000
    images took the lesson's network three quarters of the time, and half in 8-bit integers (ONNX
    Runtime 1.32, 2 cores).
    """

    def __init__(
        self, model: bytes, session: Any, measure: Measure, num_threads: int | None
    ) -> None:
        self._model = model if len(model) <= _MAX_COPIED_BYTES else None
        self._session = session
        self._measure = measure
        self._num_threads = num_threads or num_cores()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, images: np.ndarray) -> np.ndarray:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        size = min(_SMALL_BATCH, _SMALL_VALUES // math.prod(images.shape[1:]))
        size = max(1, min(size, self._measure.max_images // self._num_threads))
        is_faster = self._num_threads > 1 and len(images) >= 2 * size * self._num_threads
        if self._model is None or not is_faster:
            batches = self._split(images, self._measure.max_images)
            return np.concatenate([_run(self._session, batch) for batch in batches])
        pool = self._start_pool(self._model)
        batches = self._split(images, size)
        return np.concatenate(
            list(pool.map(lambda batch: _run(self._one_thread_session, batch), batches))
        )

    def _split(self, images: np.ndarray, size: int) -> list[np.ndarray]:
        """Split images into batches, and check the cost of each: it may not be proportional."""
        batches = [images[start : start + size] for start in range(0, len(images), size)]
        for count in {len(batch) for batch in batches}:
            try:
                self._measure.of_batch(count)
            except ValueError as error:
                raise BundleError(
                    f"The network should take batches of {count} images, but "
                    f"{first_line(error)}: do not use it, or export its run again."
                ) from error
        return batches

    def _start_pool(self, model: bytes) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._one_thread_session = _open_session(model, 1, MODEL_FILE)
                self._pool = ThreadPoolExecutor(self._num_threads)
            return self._pool


def _run(session: Any, images: np.ndarray) -> np.ndarray:
    return session.run([OUTPUT_NAME], {INPUT_NAME: images})[0]


def _open_session(model: bytes, num_threads: int | None, name: str) -> Any:
    with needs_extra("Running a bundle", "onnx"):
        onnxruntime = import_onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # no errors, which are raised anyway and may quote the file
    # Waiting threads leave their cores to other programs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Or a file might be ONNX to the check and ONNX Runtime's own format to ONNX Runtime.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if num_threads is not None:
        options.intra_op_num_threads = num_threads
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise load_error(name, f"ONNX Runtime {onnxruntime.__version__}", error) from error


def _check_agreement(session: Any, files: BundleFiles) -> None:
    """Check a model's inputs, outputs and metadata against ``bundle.json``."""
    spec = files.spec
    expected = [
        (INPUT_NAME, "tensor(uint8)", list(spec.image_shape)),
        (OUTPUT_NAME, "tensor(float)", [len(spec.class_names)]),
    ]
    tensors = [*session.get_inputs(), *session.get_outputs()]
    found = [(tensor.name, tensor.type, list(tensor.shape[1:])) for tensor in tensors]
    if found != expected or any(isinstance(tensor.shape[0], int) for tensor in tensors):
        raise BundleError(
            f"{files.path}'s {MODEL_FILE} should map {_format_tensors(expected)}, as in "
            f"{SPEC_FILE}, but maps {_format_tensors(found)}: export the run again."
        )
    metadata = session.get_modelmeta().custom_metadata_map
    for key, value in spec.metadata.items():
        if metadata.get(key) != value:
            raise BundleError(
                f"{files.path}'s {MODEL_FILE} and {SPEC_FILE} should agree, but "
                f"'{key.removeprefix(METADATA_PREFIX)}' is {_shorten(metadata.get(key))} in one "
                f"and {_shorten(value)} in the other: export the run again."
            )


def _format_tensors(tensors: list[tuple[str, str, list[Any]]]) -> str:
    return " to ".join(
        f"{name} {dtype} (N, {', '.join(map(str, shape))})" for name, dtype, shape in tensors
    )


def _shorten(text: str | None) -> str:
    return "missing" if text is None else text if len(text) <= 200 else f"{text[:200]}…"


def _export(
    module: ImagesToProbabilities, network: TrainedNetwork, path: Path, *, dynamo: bool
) -> None:
    """Write a model file with torch's newer exporter, or with the tracing one."""
    import torch

    settings: dict[str, Any]
    if dynamo:
        with needs_extra("Writing this network as ONNX", "onnx"):
            import onnxscript  # noqa: F401
        shapes = ({0: torch.export.Dim("N")},)
        settings = {"dynamic_shapes": shapes, "external_data": False, "verbose": False}
    else:
        settings = {"dynamic_axes": {name: {0: "N"} for name in (INPUT_NAME, OUTPUT_NAME)}}
    torch.onnx.export(
        module,
        (network.example_images(_EXAMPLE_BATCH),),
        str(path),
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        opset_version=_DYNAMO_OPSET if dynamo else _TRACE_OPSET,
        dynamo=dynamo,
        **settings,
    )


def _matches_other_batches(
    module: ImagesToProbabilities, network: TrainedNetwork, path: Path
) -> bool:
    """Check that a model file gives the module's probabilities at other batch sizes."""
    import torch

    model = path.read_bytes()
    _check(model, network.preparation.image_shape, MODEL_FILE)  # as when it is opened
    session = _open_session(model, None, MODEL_FILE)
    for count in _CHECKED_BATCHES:
        images = network.example_images(count)
        with torch.no_grad():
            expected = module(images).numpy()
        (found,) = session.run(None, {INPUT_NAME: images.numpy()})
        if found.shape != expected.shape or not np.allclose(found, expected, atol=_TOLERANCE):
            return False
    return True


def add_metadata(path: Path, spec: BundleSpec) -> None:
    """Add the content of ``bundle.json`` to a model file, and remove source paths from it."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        node.doc_string = ""  # the exporters record the source line of each operation
        del node.metadata_props[:]
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "clearsight", version("clearsight")
    model.doc_string = (
        "Maps raw images, uint8 (N, H, W, C), to class probabilities before temperature."
    )
    for key, value in spec.metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
