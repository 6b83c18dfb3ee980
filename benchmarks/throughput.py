"""How much of what the machine can compute the reference fit reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comparison import Spread, spread_of
from floating_point_work import fit_flops
from machine import Machine
from peers.job import Job
from processes import Outcome
from programs import OURS

WANTED_SHARE = 0.6
_PEAKS = {
    f"{operation}_{precision}_gflops": f"{name}, {precision}"
    for operation, name in (
        ("convolution", "the network's second convolution, forward"),
        ("matmul", "matrix product of 2048x2048"),
    )
    for precision in ("bfloat16", "float32")
}


@dataclass(frozen=True)
class Share:
    """One of the machine's peaks, and clearsight's whole fit beside it.

    Attributes:
        peak: what was measured, in words.
        peak_gflops: over the rounds.
        share: the fit's GFLOP/s over the peak's.
        wanted: what `share` should at least be; None in the precision that is not used here.
    """

    peak: str
    peak_gflops: Spread
    share: float
    wanted: float | None


@dataclass(frozen=True)
class Throughput:
    """Floating-point operations of clearsight's reference fit, a second."""

    fit_gflops: float
    shares: list[Share]


def throughput(outcomes: Sequence[Outcome], job: Job, machine: Machine) -> Throughput | None:
    """Return what clearsight's fit reaches, or None where it or the peaks were not measured."""
    fit_seconds = spread_of("fit_seconds", OURS, outcomes)
    peaks = {name: spread_of(name, "machine", outcomes) for name in _PEAKS}
    if fit_seconds is None:
        return None
    flops = fit_flops(job.num_trained, job.num_images - job.num_trained, job.num_epochs)
    fit_gflops = flops / fit_seconds.median / 1e9
    used = "bfloat16" if machine.bfloat16_is_fast else "float32"
    shares = [
        Share(
            _PEAKS[name],
            spread,
            fit_gflops / spread.median,
            WANTED_SHARE if used in name else None,
        )
        for name, spread in peaks.items()
        if spread is not None
    ]
    return Throughput(fit_gflops, shares)
