"""The most that this machine computes through torch, in convolutions, products and copies.

The convolution is the reference network's second, forward, which is most of that network's work.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from floating_point_work import SECOND_CONVOLUTION, product_flops
from torch.nn import functional

from peers.answer import Measured, answer
from peers.job import Job

MATRIX_SIZE = 2048
NUM_BLOCKS = 20
COPIED_BYTES = 2**28  # larger than any processor's caches


def measure_peaks(job: Job) -> Measured:
    """Return GFLOP/s of each operation in each precision, and GB/s read and written by a copy.

    Each is the best of `NUM_BLOCKS` blocks.
    """
    shape = SECOND_CONVOLUTION
    images = torch.rand(job.batch_size, shape.channels, shape.height, shape.width)
    kernel = torch.randn(shape.filters, shape.channels, shape.kernel_size, shape.kernel_size)
    matrix = torch.randn(MATRIX_SIZE, MATRIX_SIZE)
    measured: Measured = {}
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if not job.bfloat16_is_fast:
        del dtypes["bfloat16"]  # where it is emulated, a single product can take minutes
    for name, dtype in dtypes.items():
        typed_images = images.to(dtype, memory_format=torch.channels_last)
        typed_kernel = kernel.to(dtype, memory_format=torch.channels_last)
        typed_matrix = matrix.to(dtype)
        measured[f"convolution_{name}_gflops"] = _best_gflops(
            lambda x=typed_images, w=typed_kernel: functional.conv2d(x, w, padding="same"),
            job.batch_size * shape.forward_flops,
            job.peak_seconds,
        )
        measured[f"matmul_{name}_gflops"] = _best_gflops(
            lambda x=typed_matrix: torch.mm(x, x),
            product_flops(MATRIX_SIZE, MATRIX_SIZE, MATRIX_SIZE),
            job.peak_seconds,
        )
    block = torch.zeros(COPIED_BYTES, dtype=torch.uint8)
    target = torch.zeros_like(block)
    copied = _best_gflops(lambda: target.copy_(block), 2 * COPIED_BYTES, job.peak_seconds)
    measured["copy_gigabytes_per_second"] = copied
    return measured


@torch.inference_mode()
def _best_gflops(compute: Callable[[], object], flops: int, seconds: float) -> float:
    """Return billions of operations, or bytes, a second in the fastest block of calls.

    Args:
        compute: does the operation once.
        flops: floating-point operations, or bytes moved, in one call.
        seconds: how long to measure in all.
    """
    block_seconds = seconds / NUM_BLOCKS
    _calls_in(compute, block_seconds)  # kernels are chosen, memory is touched
    return max(flops * _calls_in(compute, block_seconds) for _ in range(NUM_BLOCKS)) / 1e9


def _calls_in(compute: Callable[[], object], seconds: float) -> float:
    """Return calls a second, measured for at least `seconds` and at least one call."""
    count = 0
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds or not count:
        compute()
        count += 1
    return count / passed


if __name__ == "__main__":
    answer({"machine_peak": measure_peaks}, packages=("torch", "numpy"))
