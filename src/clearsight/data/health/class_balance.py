"""Classes that are rare, missing from a part, empty, or too small to evaluate."""

import math
from collections.abc import Iterator

import numpy as np

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ROLE_ADJECTIVES, ImagePool
from clearsight.errors import list_some

_VERY_UNBALANCED, _UNBALANCED = 10, 3  # size of the largest class over that of the smallest
_FEW_TRAIN, _FEW_TEST = 20, 20  # images of a class
_TYPICAL_ACCURACY = 0.9
_Z = 1.959963984540054  # two-sided 95% quantile of the standard normal distribution
_CONSEQUENCES = {
    "train": "the network cannot learn them",
    "validation": "the validation score does not cover them",
    "test": "the test score does not cover them",
}


def check(pool: ImagePool) -> Iterator[Finding]:
    """Count the images of every class in every part."""
    for find in (_missing, _few_test, _few_train, _imbalance, _empty):
        yield from find(pool)


def interval_width(count: int, accuracy: float = _TYPICAL_ACCURACY) -> float:
    """Return the width of Wilson's 95% interval of an accuracy measured on `count` >= 1 images.

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953.

    Example:
        >>> round(interval_width(20), 2), round(interval_width(2000), 3)
        (0.27, 0.026)
    """
    spread = accuracy * (1 - accuracy) / count + _Z**2 / (4 * count**2)
    return 2 * _Z * math.sqrt(spread) / (1 + _Z**2 / count)


def _missing(pool: ImagePool) -> Iterator[Finding]:
    is_present = np.sum(list(pool.role_counts.values()), axis=0) > 0
    for role, counts in pool.role_counts.items():
        names = [pool.class_names[label] for label in np.flatnonzero(is_present & (counts == 0))]
        if not names:
            continue
        adjective = ROLE_ADJECTIVES[role]
        yield Finding(
            id=f"classes-missing-{role}",
            title=f"Classes without {adjective} images",
            severity="problem" if role == "train" else "warning",
            count=len(names),
            total=len(pool.class_names),
            message=f"There are no {adjective} images of {list_some(names, 5)}, so "
            f"{_CONSEQUENCES[role]}",
            advice="Add images of these classes, split again, or remove the classes from all sets.",
            classes=tuple(names),
        )


def _few_test(pool: ImagePool) -> Iterator[Finding]:
    counts = pool.role_counts.get("test", np.empty(0))
    few = np.flatnonzero((counts > 0) & (counts < _FEW_TEST))
    if not len(few):
        return
    smallest = few[counts[few].argmin()]
    width = 100 * interval_width(int(counts[smallest]))
    yield Finding(
        id="classes-few-test",
        title="Classes with too few test images",
        severity="warning",
        count=len(few),
        total=len(pool.class_names),
        message=f"{_classes_have(len(few))} fewer than {_FEW_TEST} test images; with the "
        f"{counts[smallest]} of '{pool.class_names[smallest]}', the 95% interval of an "
        f"accuracy of {_TYPICAL_ACCURACY:.0%} would be {width:.0f} percentage points wide",
        advice="Move more images of these classes into the test set, or treat their scores as "
        "rough.",
        classes=tuple(pool.class_names[label] for label in few),
    )


def _few_train(pool: ImagePool) -> Iterator[Finding]:
    counts = pool.role_counts["train"]
    few = np.flatnonzero((counts > 0) & (counts < _FEW_TRAIN))
    if not len(few):
        return
    ordered = few[np.argsort(counts[few], kind="stable")]
    names = [f"{pool.class_names[label]} ({counts[label]})" for label in ordered]
    yield Finding(
        id="classes-few-train",
        title="Classes with few training images",
        severity="warning",
        count=len(few),
        total=len(pool.class_names),
        message=f"{_classes_have(len(few))} fewer than {_FEW_TRAIN} training images: "
        f"{list_some(names, 5)}",
        advice="Add images of these classes, or merge them with similar classes.",
        classes=tuple(pool.class_names[label] for label in ordered),
    )


def _imbalance(pool: ImagePool) -> Iterator[Finding]:
    counts = pool.role_counts["train"]
    most, least = int(counts.argmax()), int(np.where(counts > 0, counts, counts.max()).argmin())
    ratio = counts[most] / counts[least]
    if ratio < _UNBALANCED:
        return
    names = pool.class_names
    small = np.flatnonzero(counts * _UNBALANCED <= counts[most])
    yield Finding(
        id="class-imbalance",
        title="Classes of very different size",
        severity="warning" if ratio >= _VERY_UNBALANCED else "note",
        count=len(small),
        total=len(names),
        message=f"'{names[most]}' has {ratio:.0f} times as many training images "
        f"({counts[most]:,}) as '{names[least]}' ({counts[least]:,}), and always predicting "
        f"'{names[most]}' would be correct for {counts[most] / counts.sum():.0%} of them",
        advice="Compare every accuracy with that fraction, and check the scores of each class.",
        classes=tuple(names[label] for label in small),
    )


def _empty(pool: ImagePool) -> Iterator[Finding]:
    counts = np.sum(list(pool.role_counts.values()), axis=0)
    names = [pool.class_names[label] for label in np.flatnonzero(counts == 0)]
    names += [name for name in pool.splits.load_report.empty_classes if name not in names]
    if not names:
        return
    yield Finding(
        id="classes-empty",
        title="Empty classes",
        severity="warning",
        count=len(names),
        total=len({*pool.class_names, *names}),
        message=f"There are no images of {list_some(names, 5)}",
        advice="Add images or remove the folders.",
        classes=tuple(names),
    )


def _classes_have(count: int) -> str:
    return "1 class has" if count == 1 else f"{count:,} classes have"
