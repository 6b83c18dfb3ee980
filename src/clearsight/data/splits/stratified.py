"""Dividing images into folds, so that each can be judged by what was learned from the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stratified_split(
    labels: np.ndarray,
    held_out_fraction: float,
    seed: int,
    groups: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the same share of every class, chosen by `seed`.

    Every class with at least two images keeps one on each side. Where images come in groups,
    each group stays on one side whole, and the shares are as near as that allows.

    Args:
        labels: integers (N,).
        held_out_fraction: share to hold out, between 0 and 1.
        seed: chooses which images.
        groups: N names of what each image belongs to, or None.

    Returns:
        int64 indices kept and held out, each ascending.
    """
    generator = np.random.default_rng(seed)
    if groups is not None:
        held_out = _held_out_groups(labels, groups, held_out_fraction, generator)
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        most = max(len(members) - 1, 0)
        least = min(1, most)
        count = int(np.clip(np.rint(len(members) * held_out_fraction), least, most))
        held_out[members[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _held_out_groups(
    labels: np.ndarray, groups: Sequence[str], fraction: float, generator: np.random.Generator
) -> np.ndarray:
    """Choose groups to hold out: the largest first, each where it brings the shares nearer.

    Returns:
        bool (N,), True for images of groups that are held out.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.zeros((len(names), len(classes)), dtype=np.int64)
    np.add.at(counts, (group_of, codes), 1)
    totals = counts.sum(axis=0)
    wanted = totals * fraction
    shuffled = generator.permutation(len(names))
    by_size = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    is_held_out = np.zeros(len(names), dtype=bool)
    held = np.zeros(len(classes))
    for group in by_size:
        more = held + counts[group]
        if (((more - wanted) ** 2 - (held - wanted) ** 2) / totals).sum() < 0:
            is_held_out[group], held = True, more
    if len(names) > 1 and not is_held_out.any():
        is_held_out[by_size[-1]] = True  # the smallest: a split needs two sides
    return is_held_out[group_of]


def stratified_folds(
    labels: np.ndarray,
    num_folds: int,
    seed: int,
    groups: Sequence[str] | np.ndarray | None = None,
) -> np.ndarray:
    """Put every image into one of some folds, each class spread evenly over them.

    Args:
        labels: integers (N,).
        num_folds: at least 2.
        seed: chooses which images go where.
        groups: N names or numbers; images of one group stay in one fold, which then is as even
            as the groups allow.

    Returns:
        int64 (N,), 0..num_folds - 1.

    Example:
        >>> folds = stratified_folds(np.array([0, 0, 1, 1]), 2, seed=0)
        >>> sorted(folds[:2].tolist()), sorted(folds[2:].tolist())
        ([0, 1], [0, 1])
    """
    generator = np.random.default_rng(seed)
    if groups is not None:
        return _grouped(labels, num_folds, generator, np.asarray(groups))
    order = generator.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), dtype=np.int64)
    # Dealt out like cards, class after class, so that folds differ by one image at most.
    folds[order] = np.arange(len(labels)) % num_folds
    return folds


def _grouped(
    labels: np.ndarray, num_folds: int, generator: np.random.Generator, groups: np.ndarray
) -> np.ndarray:
    """Give each group, the largest first, to the fold that has fewest of its classes so far."""
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
        kinds = np.bincount(classes[members[number]], minlength=len(totals))
        # How full the folds are of the classes that this group brings; a tie goes to the smallest.
        fullness = filled @ (kinds / totals)
        fold = int(np.lexsort((filled.sum(axis=1), fullness))[0])
        filled[fold] += kinds / totals
        folds[members[number]] = fold
    return folds
