"""``model.onnx``: written by torch's exporters, run by ONNX Runtime."""

from __future__ import annotations

import logging
import math
import os
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.bundle.files import BundleFiles
from clearsight.bundle.loaded import Network
from clearsight.bundle.spec import INPUT_NAME, METADATA_PREFIX, OUTPUT_NAME, SPEC_FILE, BundleSpec
from clearsight.errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from clearsight.bundle.network import ImagesToProbabilities, TrainedNetwork

MODEL_FILE = "model.onnx"
# What every runtime of the last years reads; the newer exporter writes no lower one than 18.
_TRACED_OPSET, _EXPORTED_OPSET = 17, 18
_BATCH_AXIS = {0: "N"}
_EXAMPLES = 3
_OTHER_BATCHES = (1, 5)
_CLOSE = 1e-4
# A small batch's images and values; and how large a network may be to be held twice.
_SMALL_BATCH, _SMALL_VALUES = 32, 500_000
_MOST_TWICE = 64 * 2**20


def write(network: TrainedNetwork, spec: BundleSpec, folder: Path) -> tuple[str, ...]:
    """Write ``model.onnx`` into a folder.

    torch has two exporters. The tracing one takes 0.1 s where the newer takes 3 s (the lesson's
    network, 2 cores, torch 2.13), and gives the same operations, but fixes what depends on the size
    of the batch. So it goes first, and the newer one where the trace is not right at other sizes.

    Raises:
        MissingExtraError: when ONNX is not installed.
        BundleError: when neither exporter can express the network.
    """
    _require_onnx()
    module, path = network.as_module(), folder / MODEL_FILE
    reasons = []
    for export in (_traced, _exported):
        try:
            with _quiet():
                export(module, network, path)
            if _is_right(module, network, path):
                describe(path, spec)
                return (MODEL_FILE,)
            reasons.append("the graph holds for one batch size alone")
        except Exception as error:  # torch's exporters raise whatever they stumble over
            reasons.append(f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}")
    raise BundleError(
        f"The network '{network.model.name}' should be written as ONNX, but torch's exporters "
        f"cannot express it ({'; '.join(reasons)}): export it with --format keras."
    )


def opened(files: BundleFiles, num_threads: int | None) -> Network:
    """Return what runs ``model.onnx``.

    Raises:
        MissingExtraError: when ONNX Runtime is not installed.
        BundleError: when it is no network of the shapes that ``bundle.json`` says.
    """
    model = files.read(MODEL_FILE)
    session = _session(model, num_threads, f"{files.path}'s {MODEL_FILE}")
    _check_contract(session, files)
    runner = _Runner(model, session, num_threads)
    return runner.run


def run_file(path: Path) -> Network:
    """Return what runs a file that has just been written.

    Raises:
        BundleError: when ONNX Runtime cannot load it.
    """
    model = path.read_bytes()
    runner = _Runner(model, _session(model, None, path.name), None)
    return runner.run


class _Runner:
    """Runs a network: few images on all threads together, many in small batches, one a thread.

    What such a batch holds between layers stays in a core's own cache, and no thread waits for
    another: 10,000 images took the lesson's network three quarters of the time, and half in 8-bit
    integers (ONNX Runtime 1.32, 2 cores).
    """

    def __init__(self, model: bytes, session: Any, num_threads: int | None) -> None:
        self._model = model if len(model) <= _MOST_TWICE else None
        self._session = session
        self._num_threads = num_threads or _num_cores()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, images: np.ndarray) -> np.ndarray:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        size = max(1, min(_SMALL_BATCH, _SMALL_VALUES // math.prod(images.shape[1:])))
        is_worth_it = self._num_threads > 1 and len(images) >= 2 * size * self._num_threads
        if self._model is None or not is_worth_it:
            return _given(self._session, images)
        pool = self._threads(self._model)
        blocks = [images[start : start + size] for start in range(0, len(images), size)]
        return np.concatenate(list(pool.map(lambda block: _given(self._alone, block), blocks)))

    def _threads(self, model: bytes) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._alone = _session(model, 1, MODEL_FILE)
                self._pool = ThreadPoolExecutor(self._num_threads)
            return self._pool


def _given(session: Any, images: np.ndarray) -> np.ndarray:
    return session.run([OUTPUT_NAME], {INPUT_NAME: images})[0]


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(model: bytes, num_threads: int | None, what: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("Running a bundle", "onnx") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors, which are raised anyway
    # Threads that wait do not keep a core busy: others on the machine want it too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if num_threads is not None:
        options.intra_op_num_threads = num_threads
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of a dozen classes that share no base
        raise BundleError(
            f"{what} should be a network that ONNX Runtime {onnxruntime.__version__} runs, but "
            f"cannot be loaded ({str(error).splitlines()[0]}): export the run again."
        ) from error


def _check_contract(session: Any, files: BundleFiles) -> None:
    spec = files.spec
    expected = [
        (INPUT_NAME, "tensor(uint8)", list(spec.image_shape)),
        (OUTPUT_NAME, "tensor(float)", [len(spec.class_names)]),
    ]
    tensors = [*session.get_inputs(), *session.get_outputs()]
    found = [(tensor.name, tensor.type, list(tensor.shape[1:])) for tensor in tensors]
    if found != expected or any(isinstance(tensor.shape[0], int) for tensor in tensors):
        raise BundleError(
            f"{files.path}'s {MODEL_FILE} should map {_in_words(expected)}, as its {SPEC_FILE} "
            f"says, but maps {_in_words(found)}: export the run again."
        )
    said = session.get_modelmeta().custom_metadata_map
    for key, value in spec.metadata.items():
        if said.get(key) != value:
            name = key.removeprefix(METADATA_PREFIX)
            raise BundleError(
                f"{files.path}'s {MODEL_FILE} and {SPEC_FILE} should say the same, but of "
                f"'{name}' one says {_shortened(said.get(key))} and the other "
                f"{_shortened(value)}: export the run again."
            )


def _in_words(tensors: list[tuple[str, str, list[Any]]]) -> str:
    said = [f"{name} {kind} (N, {', '.join(map(str, shape))})" for name, kind, shape in tensors]
    return " to ".join(said)


def _shortened(text: str | None) -> str:
    return "nothing" if text is None else text if len(text) <= 200 else f"{text[:200]}…"


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Writing a bundle", "onnx") from error


def _traced(module: ImagesToProbabilities, network: TrainedNetwork, path: Path) -> None:
    import torch

    torch.onnx.export(
        module,
        (network.images(_EXAMPLES),),
        str(path),
        dynamo=False,
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        dynamic_axes={INPUT_NAME: _BATCH_AXIS, OUTPUT_NAME: _BATCH_AXIS},
        opset_version=_TRACED_OPSET,
    )


def _exported(module: ImagesToProbabilities, network: TrainedNetwork, path: Path) -> None:
    import torch

    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Writing this network as ONNX", "onnx") from error
    torch.onnx.export(
        module,
        (network.images(_EXAMPLES),),
        str(path),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        dynamic_shapes=({0: torch.export.Dim("N")},),
        opset_version=_EXPORTED_OPSET,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's exporters from talking of deprecations and of parts that nothing here uses."""
    import torch

    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _is_right(module: ImagesToProbabilities, network: TrainedNetwork, path: Path) -> bool:
    """Tell whether what was written gives the module's probabilities at other batch sizes."""
    import torch

    session = _session(path.read_bytes(), None, MODEL_FILE)
    for count in _OTHER_BATCHES:
        images = network.images(count)
        with torch.no_grad():
            expected = module(images).numpy()
        (found,) = session.run(None, {INPUT_NAME: images.numpy()})
        if found.shape != expected.shape or not np.allclose(found, expected, atol=_CLOSE):
            return False
    return True


def describe(path: Path, spec: BundleSpec) -> None:
    """Put what ``bundle.json`` says into the file too, and take out what tells of this machine."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        node.doc_string = ""  # the exporters keep where in which file each operation was called
        del node.metadata_props[:]
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "clearsight", version("clearsight")
    model.doc_string = (
        "Maps raw images, uint8 (N, H, W, C), to class probabilities before temperature."
    )
    for key, value in spec.metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
