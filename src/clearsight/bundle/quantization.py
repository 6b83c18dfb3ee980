"""``model.onnx`` in 8-bit integers, and how much faster it is on this machine."""

import statistics
import timeit
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.bundle.formats.model_format import Network, first_line
from clearsight.bundle.formats.onnx_file import add_metadata
from clearsight.bundle.formats.quiet import quiet
from clearsight.bundle.formats.without_telemetry import import_onnx_runtime
from clearsight.bundle.spec import INPUT_NAME, BundleSpec
from clearsight.errors import BundleError, needs_extra

NUM_CALIBRATION = 512
_BATCH_SIZE = 64
# The operations that take the time. Quantizing poolings, sums and activations too made both the
# lesson's and the residual network slower, and so did the first convolution, which has few channels
# and loses the most accuracy (ONNX Runtime 1.32, 2 cores with AVX-512 VNNI: 1.5 times float32's
# speed in batches and 1.8 to 2.2 one by one, where all together gave 0.75 and 1.5 in batches).
_OPERATIONS = ("Conv", "Gemm", "MatMul")
_NUM_TIMED = 9


def quantize(model: Path, images: np.ndarray, spec: BundleSpec, path: Path) -> None:
    """Quantize a network statically to 8-bit integers, in the QDQ format.

    Args:
        model: ``model.onnx`` in float32.
        images: uint8 (N, H, W, C), training images to calibrate the ranges with.
        spec: of the new bundle.
        path: the file to write.

    Raises:
        MissingExtraError: if ONNX is not installed.
        BundleError: if ONNX Runtime's tools fail.
    """
    with needs_extra("--int8", "onnx"):
        import onnx

        quantization = import_onnx_runtime("quantization")
        shape_inference = import_onnx_runtime("quantization.shape_inference")

    class Reader(quantization.CalibrationDataReader):
        """Returns the images in batches, then None."""

        def __init__(self) -> None:
            starts = range(0, len(images), _BATCH_SIZE)
            self._batches = ({INPUT_NAME: images[at : at + _BATCH_SIZE]} for at in starts)

        def get_next(self) -> Any:
            return next(self._batches, None)

    optimized = path.with_name("optimized.onnx")
    try:
        with quiet():  # the tools recommend the pre-processing that is done here
            shape_inference.quant_pre_process(str(model), str(optimized), skip_symbolic_shape=True)
            nodes = onnx.load(optimized).graph.node
            first = next((node.name for node in nodes if node.op_type == "Conv"), None)
            quantization.quantize_static(
                str(optimized),
                str(path),
                Reader(),
                quant_format=quantization.QuantFormat.QDQ,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=list(_OPERATIONS),
                nodes_to_exclude=[first] if first is not None else [],
            )
        add_metadata(path, spec)
    except Exception as error:  # the tools' errors share no base class
        raise BundleError(
            "The network should be quantized to 8-bit integers, but ONNX Runtime's tools do not "
            f"support it ({first_line(error)}): export it without --int8."
        ) from error
    finally:
        optimized.unlink(missing_ok=True)


@dataclass(frozen=True)
class Speedup:
    """How many times as fast one network is as another: ratios of medians of alternating runs.

    Attributes:
        in_batches: on many images at once.
        one_by_one: on single images.
    """

    in_batches: float
    one_by_one: float

    @property
    def sentence(self) -> str:
        """The speedup over float32 in words."""
        text = (
            f"On this machine it is {self.in_batches:.1f} times as fast as float32 in batches and "
            f"{self.one_by_one:.1f} times one by one"
        )
        is_slower = min(self.in_batches, self.one_by_one) < 1
        return f"{text}: float32 is the better choice here." if is_slower else f"{text}."


def measure_speedup(network: Network, baseline: Network, images: np.ndarray) -> Speedup:
    """Time a network and a baseline alternately on the same uint8 (N, H, W, C), a batch."""
    return Speedup(_ratio(network, baseline, images), _ratio(network, baseline, images[:1]))


def _ratio(network: Network, baseline: Network, images: np.ndarray) -> float:
    timers = [timeit.Timer(partial(each, images)) for each in (network, baseline)]
    pairs = [[timer.timeit(number=1) for timer in timers] for _ in range(_NUM_TIMED)]
    seconds, baseline_seconds = map(statistics.median, zip(*pairs, strict=True))
    return baseline_seconds / seconds
