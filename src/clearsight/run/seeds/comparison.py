"""Comparing trainings with several seeds, over paired seeds and shared test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.errors import RunError
from clearsight.evaluation.comparison.over_seeds import (
    SeedDifference,
    SeedSummary,
    difference_over_seeds,
)
from clearsight.run.seeds.record import is_seed_runs
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.test_set.shared_images import shared_images


@dataclass(frozen=True)
class SeedComparison:
    """What came out of comparing the first training of several seeds with the others.

    Attributes:
        groups: the trainings, in the order given.
        seeds: those that every one of them has finished.
        num_images: how many test images all share.
        num_left_out: how many test images of some run another has trained or validated on.
        accuracies: of each group, over the seeds, on the shared images.
        against_first: of each group but the first, the first's accuracy less its own.
    """

    groups: tuple[SeedRuns, ...]
    seeds: tuple[int, ...]
    num_images: int
    num_left_out: int
    accuracies: tuple[SeedSummary, ...]
    against_first: tuple[SeedDifference, ...]

    def sentences(self) -> list[str]:
        """Say of each other group whether the first is better, worse, or nobody can tell."""
        first = str(self.groups[0].path)
        return [
            _sentence(found, first, str(group.path))
            for group, found in zip(self.groups[1:], self.against_first, strict=True)
        ]


def compare_seed_runs(paths: Sequence[Path]) -> SeedComparison:
    """Compare trainings with several seeds on the test images that all their members share.

    Args:
        paths: their folders, at least two.

    Raises:
        RunError: when one is no such folder, or they have fewer than two finished seeds in common,
            or as `compare_runs`.
    """
    single = [path for path in paths if not is_seed_runs(path)]
    if single:
        raise RunError(
            f"Trainings with several seeds should be compared with such ones, but {single[0]} is "
            "none: train it with --seeds, or name one member, e.g. RUN/seeds/0."
        )
    if len(paths) < 2:
        raise RunError("At least two runs should be compared, but one was given: name another.")
    groups = tuple(SeedRuns.load(path) for path in paths)
    by_seed = [{run.record.request.seed: run for run in group} for group in groups]
    seeds = sorted(set.intersection(*(set(members) for members in by_seed)))
    if len(seeds) < 2:
        raise RunError(
            f"The trainings should have at least two finished seeds in common, but have "
            f"{len(seeds)}: train them with the same --seed and --seeds."
        )
    members = [[runs[seed] for seed in seeds] for runs in by_seed]
    shared = shared_images([run for runs in members for run in runs])
    right = [np.array([shared.named_rightly(run) for run in runs], dtype=int) for runs in members]
    return SeedComparison(
        groups,
        tuple(seeds),
        len(shared),
        shared.num_left_out,
        tuple(SeedSummary(tuple(rows.mean(axis=1).tolist()), 0.0, 1.0) for rows in right),
        tuple(difference_over_seeds(right[0] - rows) for rows in right[1:]),
    )


def _sentence(found: SeedDifference, first: str, second: str) -> str:
    amount = (
        f"{abs(found.value) * 100:.1f} points of mean test accuracy (95% interval of the "
        f"difference {found.interval.low * 100:+.1f} to {found.interval.high * 100:+.1f}, over "
        "other seeds and other images)"
    )
    if found.is_told:
        how = "better" if found.value > 0 else "worse"
        return f"{first} is {how} than {second} by {amount}."
    return (
        f"These {len(found.by_seed)} seeds and {found.num_images:,} images cannot tell {first} "
        f"from {second}: they differ by {amount}."
    )
