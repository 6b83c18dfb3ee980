"""Dividing images into those to learn from and those to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

SplitMethod = Literal["tail", "stratified"]
FoundMethod = Literal["tail", "stratified", "own"]

# A held-out tail whose class shares differ from the rest by more than chance in 1,000 such tails
# is no sample of the same data: typically images sorted by class.
_UNLIKE_P_VALUE = 0.001


@dataclass(frozen=True)
class ValidationSplit:
    """Which training images are held out for validation.

    Attributes:
        train: int64 indices to learn from, ascending.
        validation: int64 indices held out, ascending; with the method "own" they count the
            source's validation images.
        method: "tail" (the last ones, as Keras holds out), "stratified", or "own" when the source
            brings validation images.
        warning: a sentence when the method is not the one asked for, else None.
    """

    train: np.ndarray
    validation: np.ndarray
    method: FoundMethod
    warning: str | None = None


def tail_split(num_images: int, validation_split: float) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the last part, exactly the images that Keras's ``validation_split`` holds out.

    Keras keeps ``floor(N * (1 - validation_split))`` images for training
    (https://keras.io/api/models/model_training_apis/#fit-method).

    Returns:
        int64 indices of the training and of the validation images.
    """
    boundary = int(np.floor(num_images * (1.0 - validation_split)))
    indices = np.arange(num_images)
    return indices[:boundary], indices[boundary:]


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


def validation_split_of(
    labels: np.ndarray,
    validation_split: float,
    method: SplitMethod,
    seed: int,
    groups: Sequence[str] | None = None,
) -> ValidationSplit:
    """Choose the validation images, and leave the tail where it is no fair sample.

    Args:
        labels: integers (N,) of all training images, in their order.
        validation_split: share to hold out, between 0 and 1.
        method: "tail" takes the last ones unless their labels do not look like the rest's, or
            images come in groups.
        seed: chooses the images of a stratified split.
        groups: N names of what each image belongs to, or None.
    """
    if method == "tail" and groups is None:
        train, validation = tail_split(len(labels), validation_split)
        if is_fair_sample(labels[validation], labels[train]):
            return ValidationSplit(train, validation, "tail")
        warning = (
            f"The last {validation_split:.0%} of the training images do not have the classes of "
            "the rest (the images seem to be sorted, or few), so validating on them would "
            f"mislead: a stratified {validation_split:.0%} is held out instead."
        )
    else:
        warning = None
    train, validation = stratified_split(labels, validation_split, seed, groups)
    return ValidationSplit(train, validation, "stratified", warning)


def is_fair_sample(sample: np.ndarray, rest: np.ndarray) -> bool:
    """Tell whether a sample has every class of the rest, and about as often.

    Pearson's chi-squared statistic for homogeneity of the two label counts, judged against
    permutations of the labels themselves, so that no class needs a minimum count.

    Args:
        sample: integers (M,).
        rest: integers (N,).
    """
    if not len(sample) or not len(rest) or set(sample.tolist()) != set(rest.tolist()):
        return False
    classes, codes = np.unique(np.concatenate([sample, rest]), return_inverse=True)
    totals = np.bincount(codes)
    expected = totals * (len(sample) / len(codes))

    def statistic(counts: np.ndarray) -> np.ndarray:
        return ((counts - expected) ** 2 / expected).sum(axis=-1)

    found = statistic(np.bincount(codes[: len(sample)], minlength=len(classes)))
    generator = np.random.default_rng(0)
    shuffled = generator.multivariate_hypergeometric(totals, len(sample), size=2000)
    p_value = (1 + np.count_nonzero(statistic(shuffled) >= found)) / (1 + len(shuffled))
    return bool(p_value > _UNLIKE_P_VALUE)
