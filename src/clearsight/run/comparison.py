"""Comparing runs on the test pictures that they share, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.errors import RunError
from clearsight.evaluation.paired import PairedComparison
from clearsight.run.measured import measured_pictures
from clearsight.run.saved import Run
from clearsight.run.split_file import UsedPicture, read_split

Key = tuple[str, str]  # a picture's content and class


@dataclass(frozen=True)
class RunComparison:
    """What came out of comparing the first run with the others.

    Attributes:
        runs: the runs, in the order given.
        num_images: how many test pictures they share.
        num_left_out: how many test pictures of some run another has trained or validated on.
        accuracies: of each run on the shared pictures.
        against_first: of each run but the first, the first's comparison with it.
    """

    runs: tuple[Run, ...]
    num_images: int
    num_left_out: int
    accuracies: tuple[float, ...]
    against_first: tuple[PairedComparison, ...]


def compare_runs(paths: Sequence[Path]) -> RunComparison:
    """Compare runs on the pictures that are test pictures of all and were seen by none.

    Args:
        paths: the runs' folders, at least two.

    Raises:
        RunError: when there are fewer, their classes differ, or they share no test pictures.
        DataError: when a run has no test pictures.
    """
    if len(paths) < 2:
        raise RunError("At least two runs should be compared, but one was given: name another.")
    runs = tuple(Run.load(path) for path in paths)
    for run in runs[1:]:
        if run.class_names != runs[0].class_names:
            raise RunError(
                f"Runs that are compared should have the same classes, but {runs[0].path} has "
                f"{', '.join(runs[0].class_names)} and {run.path} has {', '.join(run.class_names)}."
            )
    used = [read_split(run.folder.split_path) for run in runs]
    tested = [{_key(row) for row in rows if row.used_for == "test"} for rows in used]
    seen = {row.digest for rows in used for row in rows if row.used_for != "test"}
    shared = set.intersection(*tested)
    fair = {key for key in shared if key[0] not in seen}
    left_out = {key for key in set.union(*tested) if key[0] in seen}
    if not fair:
        raise RunError(
            f"The runs should share test pictures that none of them has trained on, but of "
            f"{len(shared):,} shared ones {len(fair):,} are left: train both on the same source, "
            "with the same --image-size and --test-split."
        )
    right = [_named_rightly(run, fair) for run in runs]
    order = sorted(fair)
    columns = [np.array([answers[key] for key in order]) for answers in right]
    return RunComparison(
        runs,
        len(fair),
        len(left_out),
        tuple(float(column.mean()) for column in columns),
        tuple(PairedComparison.of(columns[0], column) for column in columns[1:]),
    )


def _key(row: UsedPicture) -> Key:
    return row.digest, row.class_name


def _named_rightly(run: Run, wanted: set[Key]) -> dict[Key, bool]:
    """Tell for each picture sought whether a run's network names it rightly."""
    pictures = measured_pictures(run.record, run.folder, None, None)
    joined = [row.tobytes().hex() for row in pictures.digests]
    keys = [
        (digest, pictures.class_names[label])
        for digest, label in zip(joined, pictures.labels, strict=True)
    ]
    rows = np.array([index for index, key in enumerate(keys) if key in wanted])
    labels = run.predict(pictures.images[rows]).labels
    is_right = labels == pictures.labels[rows]
    return {keys[row]: bool(right) for row, right in zip(rows, is_right, strict=True)}
