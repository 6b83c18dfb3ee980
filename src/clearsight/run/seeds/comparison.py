"""Comparing runs with several seeds, over paired seeds and shared test images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.display.html import or_reason
from clearsight.errors import RunError
from clearsight.evaluation.comparison.over_seeds import (
    SeedDifference,
    SeedSummary,
    difference_over_seeds,
)
from clearsight.evaluation.scores.guessing import by_guessing, guessing_accuracy
from clearsight.io.displayed_text import displayed
from clearsight.option_names import option
from clearsight.report.comparison_markup import comparison_markup
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.location import is_seed_runs
from clearsight.run.test_set.shared_images import check_several, shared_images


@dataclass(frozen=True)
class SeedComparison:
    """A comparison of a first group of runs with several seeds with other such groups.

    Attributes:
        groups: the runs, in the order given.
        seeds: those that every group has finished.
        num_images: number of test images that all share.
        num_left_out: number of test images of some run that another has trained or validated on.
        guessing_accuracy: of always predicting the most common class, on the shared images.
        accuracies: of each group, over the seeds, on the shared images.
        against_first: for each group but the first, the first's accuracy minus its own.
    """

    groups: tuple[SeedRuns, ...]
    seeds: tuple[int, ...]
    num_images: int
    num_left_out: int
    guessing_accuracy: float
    accuracies: tuple[SeedSummary, ...]
    against_first: tuple[SeedDifference, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence about the first group and each of the others."""
        first = str(self.groups[0].path)
        return tuple(
            _sentence(difference, first, str(group.path))
            for group, difference in zip(self.groups[1:], self.against_first, strict=True)
        )

    def __repr__(self) -> str:
        paths = ", ".join(displayed(f"'{group.path}'") for group in self.groups)
        scores = ", ".join(f"{summary.mean:.3f}" for summary in self.accuracies)
        number = f"{len(self.seeds)} seeds"
        return f"SeedComparison({paths}: mean test accuracies {scores}, {number})"

    @or_reason
    def _repr_html_(self) -> str:
        rows = [
            (str(group.path), summary.mean, summary.interval)
            for group, summary in zip(self.groups, self.accuracies, strict=True)
        ]
        curves = [(str(group.path), run.history) for group in self.groups for run in group]
        seeds = ", ".join(map(str, self.seeds))
        heading = f"{self.num_images:,} test images that all runs share, "
        heading += f"{by_guessing(self.guessing_accuracy)}; seeds {seeds}"
        return comparison_markup(heading, rows, self.sentences, curves)


def compare_seed_runs(paths: Sequence[Path], *, allow_download: bool = False) -> SeedComparison:
    """Compare two or more runs with several seeds on the test images that all members share.

    With `allow_download`, images that are not on this machine are downloaded.

    Raises:
        RunError: when one is no such folder, or they have fewer than two finished seeds in common,
            or as `compare_runs`.
    """
    single = [path for path in paths if not is_seed_runs(path)]
    if single:
        raise RunError(
            f"Runs with several seeds should be compared with such runs, but {single[0]} is not "
            f"one: train it with {option('seeds')}, or give a single member, e.g. RUN/seeds/0."
        )
    check_several(paths)
    groups = tuple(SeedRuns.load(path, allow_download=allow_download) for path in paths)
    by_seed = [{run.record.request.seed: run for run in group} for group in groups]
    seeds = sorted(set.intersection(*(set(members) for members in by_seed)))
    if len(seeds) < 2:
        raise RunError(
            f"The runs should have at least two finished seeds in common, but have {len(seeds)}: "
            f"train them with the same {option('seed')} and {option('seeds')}."
        )
    members = [[runs[seed] for seed in seeds] for runs in by_seed]
    shared = shared_images([run for runs in members for run in runs])
    correct = [np.array([shared.is_correct(run) for run in runs], dtype=int) for runs in members]
    return SeedComparison(
        groups,
        tuple(seeds),
        len(shared),
        shared.num_left_out,
        guessing_accuracy(shared.labels),
        tuple(SeedSummary(tuple(rows.mean(axis=1).tolist()), 0.0, 1.0) for rows in correct),
        tuple(difference_over_seeds(correct[0] - rows) for rows in correct[1:]),
    )


def _sentence(difference: SeedDifference, first: str, second: str) -> str:
    interval = difference.interval
    amount = (
        f"{abs(difference.value) * 100:.1f} points of mean test accuracy (95% interval of the "
        f"difference {interval.low * 100:+.1f} to {interval.high * 100:+.1f}, over other seeds and "
        "other images)"
    )
    if difference.is_significant:
        how = "better" if difference.value > 0 else "worse"
        return f"{first} is {how} than {second} by {amount}."
    return (
        f"These {len(difference.by_seed)} seeds and {difference.num_images:,} images are too few "
        f"to tell {first} from {second}: they differ by {amount}."
    )
