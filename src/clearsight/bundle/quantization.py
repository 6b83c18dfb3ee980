"""``model.onnx`` in 8-bit integers, and how much faster that is here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.bundle.formats.onnx_file import describe
from clearsight.bundle.loaded import Network
from clearsight.bundle.quiet import quiet_logging
from clearsight.bundle.spec import INPUT_NAME, BundleSpec
from clearsight.errors import BundleError, MissingExtraError

NUM_CALIBRATION = 512
# What takes the time. Poolings, sums and activations between 8-bit numbers made both the lesson's
# and the residual network slower than these alone; so did the first convolution, which has few
# channels (ONNX Runtime 1.32, 2 cores with AVX-512 VNNI: 1.5 times float32's speed in batches and
# 1.8 to 2.2 one by one, where all together gave 0.75 and 1.5 in batches). It is also the one that
# loses most.
_KINDS = ("Conv", "Gemm", "MatMul")
_NUM_TIMED = 9


def quantize(model: Path, images: np.ndarray, spec: BundleSpec, path: Path) -> None:
    """Write a network in 8-bit integers, statically, with its scales between QDQ nodes.

    Args:
        model: ``model.onnx`` in float32.
        images: uint8 (N, H, W, C), training images that the ranges are taken from.
        spec: of the bundle that it will be in.
        path: where it goes.

    Raises:
        MissingExtraError: when ONNX is not installed.
        BundleError: when ONNX Runtime's tools cannot do it.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise MissingExtraError("--int8", "onnx") from error

    class Reader(quantization.CalibrationDataReader):
        """Gives the images in batches, as the library's interface asks."""

        def __init__(self) -> None:
            starts = range(0, len(images), 64)
            self._batches = iter([{INPUT_NAME: images[start : start + 64]} for start in starts])

        def get_next(self) -> Any:
            return next(self._batches, None)

    optimized = path.with_name("optimized.onnx")
    try:
        with quiet_logging():  # they advise on what is done here already
            quant_pre_process(str(model), str(optimized), skip_symbolic_shape=True)
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
                op_types_to_quantize=list(_KINDS),
                nodes_to_exclude=[first] if first is not None else [],
            )
        describe(path, spec)
    except Exception as error:  # the tools raise whatever they stumble over
        raise BundleError(
            "The network should be computed in 8-bit integers, but ONNX Runtime's tools cannot "
            f"write it so ({str(error).strip().splitlines()[0]}): leave out --int8."
        ) from error
    finally:
        optimized.unlink(missing_ok=True)


@dataclass(frozen=True)
class Speedup:
    """How many times as fast one network is as another on this machine, medians of alternate runs.

    Attributes:
        in_batches: on many images at once.
        one_by_one: on one.
    """

    in_batches: float
    one_by_one: float

    @property
    def sentence(self) -> str:
        """Say it."""
        words = f"{self.in_batches:.1f} times as fast as float32 in batches"
        words += f" and {self.one_by_one:.1f} times one by one"
        slower = min(self.in_batches, self.one_by_one) < 1
        return f"Here it is {words}{': for this machine float32 is better' * slower}."


def speedup_of(network: Network, other: Network, images: np.ndarray) -> Speedup:
    """Time two networks alternately on the same images.

    Args:
        network: the one that is asked about.
        other: what it is compared with.
        images: uint8 (N, H, W, C), a batch.
    """
    return Speedup(_ratio(network, other, images), _ratio(network, other, images[:1]))


def _ratio(network: Network, other: Network, images: np.ndarray) -> float:
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_NUM_TIMED):
        for is_other, run in ((False, network), (True, other)):
            seconds[is_other].append(_seconds(run, images))
    return statistics.median(seconds[True]) / statistics.median(seconds[False])


def _seconds(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    started = time.perf_counter()
    run(images)
    return time.perf_counter() - started
