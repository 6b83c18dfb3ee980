"""Stratified splits: both parts have the same fraction of every class."""

from collections.abc import Sequence

import numpy as np


def stratified_split(
    labels: np.ndarray,
    held_out_fraction: float,
    seed: int,
    groups: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the same fraction of every class.

    Every class with at least two images has one on each side. Groups are not divided, and the
    fractions are as close as they allow.

    Args:
        labels: int64 (N,).
        held_out_fraction: between 0 and 1.
        seed: decides which images are held out.
        groups: N names of what each image belongs to, e.g. a patient.

    Returns:
        int64 indices of the remaining and of the held-out images, each ascending.
    """
    generator = np.random.default_rng(seed)
    if groups is not None:
        held_out = _hold_out_groups(labels, groups, held_out_fraction, generator)
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        most = max(len(members) - 1, 0)
        count = int(np.clip(np.rint(len(members) * held_out_fraction), min(1, most), most))
        held_out[members[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _hold_out_groups(
    labels: np.ndarray, groups: Sequence[str], fraction: float, generator: np.random.Generator
) -> np.ndarray:
    """Choose the groups, and so images: bool (N,), to hold out.

    Largest first, each group is held out that brings the fractions closer.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.zeros((len(names), len(classes)), dtype=np.int64)
    np.add.at(counts, (group_of, codes), 1)
    totals = counts.sum(axis=0)
    target = totals * fraction
    shuffled = generator.permutation(len(names))
    by_size = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    is_held_out = np.zeros(len(names), dtype=bool)
    current = np.zeros(len(classes))
    for group in by_size:
        larger = current + counts[group]
        if (((larger - target) ** 2 - (current - target) ** 2) / totals).sum() < 0:
            is_held_out[group], current = True, larger
    if len(names) > 1 and not is_held_out.any():
        is_held_out[by_size[-1]] = True  # the smallest: a split needs two sides
    return is_held_out[group_of]


def stratified_folds(
    labels: np.ndarray,
    num_folds: int,
    seed: int,
    groups: Sequence[str] | np.ndarray | None = None,
) -> np.ndarray:
    """Assign every image to a fold, each class spread evenly over the folds.

    Groups are not divided, and the folds are as even as they allow.

    Args:
        labels: int64 (N,).
        num_folds: at least 2.
        seed: decides which images share a fold.
        groups: N names or numbers of what each image belongs to.

    Returns:
        int64 (N,), 0..num_folds - 1.

    Example:
        >>> folds = stratified_folds(np.array([0, 0, 1, 1]), 2, seed=0)
        >>> sorted(folds[:2].tolist()), sorted(folds[2:].tolist())
        ([0, 1], [0, 1])
    """
    generator = np.random.default_rng(seed)
    if groups is not None:
        return _group_folds(labels, num_folds, generator, np.asarray(groups))
    order = generator.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), dtype=np.int64)
    # Dealt like cards, class after class, so that fold sizes differ by one image at most.
    folds[order] = np.arange(len(labels)) % num_folds
    return folds


def _group_folds(
    labels: np.ndarray, num_folds: int, generator: np.random.Generator, groups: np.ndarray
) -> np.ndarray:
    """Assign each group, largest first, to the fold that has fewest of its classes so far."""
    _, classes = np.unique(labels, return_inverse=True)
    _, codes = np.unique(groups, return_inverse=True)
    totals = np.bincount(classes).astype(np.float64)
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes[order])) + 1])
    members = np.split(order, starts[1:])
    sizes = np.array([len(group) for group in members])
    shuffled = generator.permutation(len(members))
    filled = np.zeros((num_folds, len(totals)))
    folds = np.empty(len(labels), dtype=np.int64)
    for number in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fractions = np.bincount(classes[members[number]], minlength=len(totals)) / totals
        # How full the folds are of this group's classes; the smallest fold breaks a tie.
        fullness = filled @ fractions
        fold = int(np.lexsort((filled.sum(axis=1), fullness))[0])
        filled[fold] += fractions
        folds[members[number]] = fold
    return folds
