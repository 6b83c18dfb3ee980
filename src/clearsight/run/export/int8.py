"""Exporting a run in 8-bit integers, with the change in accuracy and speed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from clearsight.bundle.bundle import Bundle, load
from clearsight.bundle.files import bundle_path
from clearsight.bundle.formats import onnx_file
from clearsight.bundle.parity import Parity, ParityResult
from clearsight.bundle.quantization import NUM_CALIBRATION, Speedup, measure_speedup, quantize
from clearsight.bundle.write import assemble_bundle, write_bundle
from clearsight.errors import BundleError
from clearsight.evaluation.comparison.paired import PairedComparison
from clearsight.io.scratch import scratch_folder
from clearsight.run.export.bundle import bundle_parts, describe_bundle
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import check_stored, load_run_splits, used_images

MAX_LOSS = 0.01  # of accuracy


@dataclass(frozen=True)
class Int8Bundle:
    """A bundle in 8-bit integers, compared with float32.

    Attributes:
        path: of the bundle.
        parity: how well its predictions match those of when it was made.
        comparison: with the float32 network, on the run's validation images.
        speedup: over float32, on this machine.
    """

    path: Path
    parity: ParityResult
    comparison: PairedComparison
    speedup: Speedup

    @property
    def sentence(self) -> str:
        """The change in accuracy and the speedup."""
        return f"{_describe_change(self.comparison)} {self.speedup.sentence}"


def export_int8(run: Run, path: Path | None = None, *, allow_loss: bool = False) -> Int8Bundle:
    """Write a run's bundle with its network in 8-bit integers.

    Ranges are taken from training images, and the change in accuracy is measured on validation
    images, so that the test set is not used.

    Args:
        run: a finished one.
        path: the folder or .zip; None for ``bundle-int8/`` in the run's folder.
        allow_loss: write it even if it loses more than `MAX_LOSS` of accuracy.

    Raises:
        BundleError: when it loses more, or the network cannot be written in 8-bit integers.
        RunError: as `export_run`, and when the run's images are gone.
    """
    path = path or bundle_path(run.path, precision="int8")
    needed = "A network in 8-bit integers should be evaluated on the run's images"
    check_stored(run, needed, "leave out --int8")
    splits = load_run_splits(run)
    train = used_images(run, splits, "train", NUM_CALIBRATION)
    validation = used_images(run, splits, "validation")
    network, float_spec, parity = bundle_parts(run, "onnx", validation)
    spec = describe_bundle(run, "onnx", "int8")
    with scratch_folder() as folder:
        float_path = folder / "float32"
        write_bundle(network, float_spec, parity, float_path)
        quantized = folder / onnx_file.MODEL_FILE
        quantize(float_path / onnx_file.MODEL_FILE, train.images, spec, quantized)
        float32 = load(float_path)
        int8 = Bundle(path, spec, onnx_file.open_file(quantized, spec.image_shape))
        comparison = PairedComparison.of(
            int8.probabilities(validation.images).argmax(axis=1) == validation.labels,
            float32.probabilities(validation.images).argmax(axis=1) == validation.labels,
        )
        if -comparison.difference > MAX_LOSS and not allow_loss:
            raise BundleError(
                f"In 8-bit integers the network should lose at most {MAX_LOSS * 100:g} point of "
                f"accuracy. {_describe_change(comparison)} Keep float32, or accept the loss with "
                "--allow-loss."
            )
        images = validation.images[: float32.batch_size]
        speedup = measure_speedup(int8.network, float32.network, images)

        def write_model(target: Path) -> tuple[str, ...]:
            shutil.copy(quantized, target / onnx_file.MODEL_FILE)
            return (onnx_file.MODEL_FILE,)

        own_parity = Parity.of(parity.images, int8.probabilities(parity.images), spec.preparation)
        result = assemble_bundle(write_model, spec, own_parity, path)
    return Int8Bundle(path, result, comparison, speedup)


def _describe_change(comparison: PairedComparison) -> str:
    interval = comparison.interval
    return (
        f"Accuracy on {comparison.num_images:,} validation images changes by "
        f"{comparison.difference * 100:+.2f} points (95% interval {interval.low * 100:+.2f} to "
        f"{interval.high * 100:+.2f})."
    )
