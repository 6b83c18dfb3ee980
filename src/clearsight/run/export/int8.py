"""A run's bundle in 8-bit integers: what it costs in accuracy, and whether it is faster."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.bundle.bundle import load
from clearsight.bundle.files import bundle_path
from clearsight.bundle.formats import onnx_file
from clearsight.bundle.formats.model_format import Network
from clearsight.bundle.parity import Parity, ParityResult
from clearsight.bundle.quantization import NUM_CALIBRATION, Speedup, measure_speedup, quantize
from clearsight.bundle.write import assemble_bundle, write_bundle
from clearsight.data.image_set import ImageSet
from clearsight.errors import BundleError, RunError
from clearsight.evaluation.comparison.paired import PairedComparison
from clearsight.run.export.bundle import bundle_parts, spec_of
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import load_run_splits, used_images

MOST_LOSS = 0.01


@dataclass(frozen=True)
class Int8Bundle:
    """What came out.

    Attributes:
        path: of the bundle.
        parity: how well it gives again what it gave when it was made.
        comparison: with the float32 network, on the run's validation images.
        speedup: over float32, on this machine.
    """

    path: Path
    parity: ParityResult
    comparison: PairedComparison
    speedup: Speedup

    @property
    def sentence(self) -> str:
        """Say what it costs and what it brings."""
        return f"{_change(self.comparison)} {self.speedup.sentence}"


def export_int8(run: Run, path: Path | None = None, *, allow_loss: bool = False) -> Int8Bundle:
    """Write a run's bundle with its network in 8-bit integers.

    Ranges are taken from training images, and the change is measured on validation images, so
    that the test images are not looked at.

    Args:
        run: a finished one.
        path: the folder or .zip; None for ``bundle-int8/`` in the run's folder.
        allow_loss: whether to write it although it names more than a point fewer rightly.

    Raises:
        BundleError: when it does, or the network cannot be written so.
        RunError: as `export_run`, and when the run's images are gone.
    """
    path = path or bundle_path(run.path, precision="int8")
    if run.record.request.source == "arrays":
        raise RunError(
            f"A network in 8-bit integers should be measured on the run's images, but {run.path} "
            "was trained on arrays from Python, which are gone: leave out --int8."
        )
    splits = load_run_splits(run.record)
    train = used_images(run, splits, "train", NUM_CALIBRATION)
    validation = used_images(run, splits, "validation")
    network, float_spec, parity = bundle_parts(run, "onnx", validation)
    spec = spec_of(run, "onnx", "int8")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float32"
        write_bundle(network, float_spec, parity, plain)
        quantized = Path(folder) / onnx_file.MODEL_FILE
        quantize(plain / onnx_file.MODEL_FILE, train.images, spec, quantized)
        float32 = load(plain)
        int8 = onnx_file.open_file(quantized)
        own = _in_batches(int8, parity.images, float32.batch_size)
        comparison = PairedComparison.of(
            _is_right(_in_batches(int8, validation.images, float32.batch_size), validation),
            _is_right(float32.probabilities(validation.images), validation),
        )
        if -comparison.difference > MOST_LOSS and not allow_loss:
            raise BundleError(
                f"In 8-bit integers the network should lose at most {MOST_LOSS * 100:g} point of "
                f"accuracy. {_change(comparison)} Keep float32, or take it with --allow-loss."
            )
        batch = validation.images[: float32.batch_size]
        speedup = measure_speedup(int8, float32.network, batch)

        def write_model(place: Path) -> tuple[str, ...]:
            shutil.copy(quantized, place / onnx_file.MODEL_FILE)
            return (onnx_file.MODEL_FILE,)

        replayed = Parity.of(parity.images, own, spec.preparation)
        result = assemble_bundle(write_model, spec, replayed, path)
    return Int8Bundle(path, result, comparison, speedup)


def _in_batches(network: Network, images: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([network(images[at : at + size]) for at in range(0, len(images), size)])


def _is_right(probabilities: np.ndarray, images: ImageSet) -> np.ndarray:
    return probabilities.argmax(axis=1) == images.labels


def _change(comparison: PairedComparison) -> str:
    interval = comparison.interval
    return (
        f"Accuracy on {comparison.num_images:,} validation images changes by "
        f"{comparison.difference * 100:+.2f} points (95% interval {interval.low * 100:+.2f} to "
        f"{interval.high * 100:+.2f})."
    )
