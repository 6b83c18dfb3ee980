"""`ValidationSplit`: which training images are held out for validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearsight.data.splits.stratified import stratified_split

SplitMethod = Literal["tail", "stratified"]

# A tail whose class counts differ from the rest's by more than chance explains in 1,000 such tails
# is no sample of the same data: typically, the images are sorted by class.
_UNFAIR_P_VALUE = 0.001
_NUM_PERMUTATIONS = 2000


@dataclass(frozen=True)
class ValidationSplit:
    """Which images are held out for validation.

    Attributes:
        train: int64 indices to train on, ascending.
        validation: int64 indices held out, ascending; with the method "own" they are indices of
            the source's validation images.
        method: "tail" (the last images, as in Keras), "stratified", or "own" if the source has
            validation images.
        warning: a sentence if the method is not the requested one, else None.
    """

    train: np.ndarray
    validation: np.ndarray
    method: Literal["tail", "stratified", "own"]
    warning: str | None = None


def tail_split(num_images: int, validation_split: float) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the last images, exactly those that Keras's ``validation_split`` holds out.

    Keras trains on the first ``floor(N * (1 - validation_split))`` images
    (https://keras.io/api/models/model_training_apis/#fit-method). Returns the int64 indices of the
    training and of the validation images.
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
    """Choose which training images are held out for validation.

    The method "tail" holds out the last images, unless their labels differ from the rest's or
    images come in groups; a stratified split is then held out instead.

    Args:
        labels: int64 (N,), of the training images.
        validation_split: the fraction to hold out.
        method: "tail" or "stratified".
        seed: of a stratified split.
        groups: N names of what each image belongs to, e.g. a patient.
    """
    warning = None
    if method == "tail" and groups is None:
        train, validation = tail_split(len(labels), validation_split)
        if is_fair_sample(labels[validation], labels[train]):
            return ValidationSplit(train, validation, "tail")
        warning = (
            f"The last {validation_split:.0%} of the training images do not have the classes of "
            "the rest (the images seem to be sorted, or few), so validating on them would "
            f"mislead: a stratified {validation_split:.0%} is held out instead."
        )
    train, validation = stratified_split(labels, validation_split, seed, groups)
    return ValidationSplit(train, validation, "stratified", warning)


def is_fair_sample(sample: np.ndarray, rest: np.ndarray) -> bool:
    """Return whether a sample has every class of the rest, in about the same proportions.

    Pearson's chi-squared statistic for homogeneity of the two label counts, compared with
    permutations of the labels, so that no class needs a minimum count.

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

    observed = statistic(np.bincount(codes[: len(sample)], minlength=len(classes)))
    generator = np.random.default_rng(0)
    permuted = generator.multivariate_hypergeometric(totals, len(sample), size=_NUM_PERMUTATIONS)
    p_value = (1 + np.count_nonzero(statistic(permuted) >= observed)) / (1 + _NUM_PERMUTATIONS)
    return bool(p_value > _UNFAIR_P_VALUE)
