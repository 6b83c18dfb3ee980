"""What fraction of the machine's peak the reference fit reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comparison import Spread, spread_of
from floating_point_work import fit_flops
from machine import Machine
from peers.job import Job
from processes import Outcome
from programs import OURS

WANTED_FRACTION = 0.6
_PEAKS = {
    f"{operation}_{precision}_gflops": f"{name}, {precision}"
    for operation, name in (
        ("convolution", "the network's second convolution, forward"),
        ("matmul", "matrix product of 2048x2048"),
    )
    for precision in ("bfloat16", "float32")
}


@dataclass(frozen=True)
class PeakFraction:
    """How much of one of the machine's peaks clearsight's whole fit reaches.

    Attributes:
        peak: what was measured, in words.
        peak_gflops: over the rounds.
        fraction: the fit's GFLOP/s over the peak's.
        wanted: what `fraction` should be at least; None in the precision that is not used here.
    """

    peak: str
    peak_gflops: Spread
    fraction: float
    wanted: float | None


@dataclass(frozen=True)
class Throughput:
    """Floating-point operations of clearsight's reference fit, a second."""

    fit_gflops: float
    fractions: list[PeakFraction]


def throughput(outcomes: Sequence[Outcome], job: Job, machine: Machine) -> Throughput | None:
    """Return what clearsight's fit reaches, or None where it or the peaks were not measured."""
    fit_seconds = spread_of("fit_seconds", OURS, outcomes)
    peaks = {name: spread_of(name, "machine", outcomes) for name in _PEAKS}
    if fit_seconds is None:
        return None
    flops = fit_flops(job.num_trained, job.num_images - job.num_trained, job.num_epochs)
    fit_gflops = flops / fit_seconds.median / 1e9
    used = "bfloat16" if machine.bfloat16_is_fast else "float32"
    fractions = [
        PeakFraction(
            _PEAKS[name],
            spread,
            fit_gflops / spread.median,
            WANTED_FRACTION if used in name else None,
        )
        for name, spread in peaks.items()
        if spread is not None
    ]
    return Throughput(fit_gflops, fractions)
