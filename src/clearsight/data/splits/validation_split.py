"""Dividing images into those to learn from and those to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearsight.data.splits.stratified import stratified_split

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


def choose_validation_split(
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
