"""Classes that are rare, absent from a part, empty, or too small to measure."""

from __future__ import annotations

import math

import numpy as np

from clearsight.data.health.examined import KIND_OF_ROLE, Examined
from clearsight.data.health.finding import Finding, listed

_UNBALANCED, _SOMEWHAT_UNBALANCED = 10, 3  # times as many images in the largest as in the least
_FEW_TO_LEARN, _FEW_TO_MEASURE = 20, 20  # images of a class
_TYPICAL_ACCURACY = 0.9
_Z = 1.959963984540054  # two-sided 95% quantile of the standard normal distribution


def check(examined: Examined) -> list[Finding]:
    """Count the images of every class in every part."""
    return [
        *_absent(examined),
        *_few_to_measure(examined),
        *_few_to_learn(examined),
        *_imbalance(examined),
        *_empty(examined),
    ]


def interval_width(count: int, accuracy: float = _TYPICAL_ACCURACY) -> float:
    """Return how wide Wilson's 95% interval of an accuracy is that so many images give.

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953.

    Args:
        count: images, at least 1.
        accuracy: the share named rightly.

    Example:
        >>> round(interval_width(20), 2), round(interval_width(2000), 3)
        (0.27, 0.026)
    """
    spread = accuracy * (1 - accuracy) / count + _Z**2 / (4 * count**2)
    return 2 * _Z * math.sqrt(spread) / (1 + _Z**2 / count)


def _absent(examined: Examined) -> list[Finding]:
    counts = examined.role_counts
    present = np.sum(list(counts.values()), axis=0) > 0
    findings = []
    for role, count in counts.items():
        absent = np.flatnonzero(present & (count == 0))
        if not len(absent):
            continue
        names = [examined.class_names[label] for label in absent]
        consequence = {
            "train": "the network cannot learn what it never sees",
            "validation": "validation says nothing about them",
            "test": "the test score says nothing about them",
        }[role]
        findings.append(
            Finding(
                id=f"classes-absent-{role}",
                title=f"Classes without {KIND_OF_ROLE[role]} images",
                severity="problem" if role == "train" else "warning",
                count=len(names),
                examined=len(examined.class_names),
                found=f"The {KIND_OF_ROLE[role]} images hold none of {listed(names)}, so "
                f"{consequence}",
                advice="Add images of them, split anew, or leave the classes out everywhere.",
            )
        )
    return findings


def _few_to_measure(examined: Examined) -> list[Finding]:
    counts = examined.role_counts.get("test")
    if counts is None:
        return []
    few = np.flatnonzero((counts > 0) & (counts < _FEW_TO_MEASURE))
    if not len(few):
        return []
    least = int(counts[few].min())
    name = examined.class_names[few[counts[few].argmin()]]
    return [
        Finding(
            id="classes-few-test",
            title="Classes with too few test images to measure",
            severity="warning",
            count=len(few),
            examined=len(examined.class_names),
            found=f"{_classes(len(few))} fewer than {_FEW_TO_MEASURE} test images, the least "
            f"'{name}' with {least}: at an accuracy of {_TYPICAL_ACCURACY:.0%} its 95% interval "
            f"would be {100 * interval_width(least):.0f} points wide",
            advice="Put more images of them into the test part, or read their scores as rough.",
        )
    ]


def _few_to_learn(examined: Examined) -> list[Finding]:
    counts = examined.role_counts["train"]
    few = np.flatnonzero((counts > 0) & (counts < _FEW_TO_LEARN))
    if not len(few):
        return []
    ordered = few[np.argsort(counts[few], kind="stable")]
    return [
        Finding(
            id="classes-few-train",
            title="Classes with few images to learn from",
            severity="warning",
            count=len(few),
            examined=len(examined.class_names),
            found=f"{_classes(len(few))} fewer than {_FEW_TO_LEARN} training images: "
            f"{listed(f'{examined.class_names[label]} ({counts[label]})' for label in ordered)}",
            advice="Add images of them, or join them with classes that look alike.",
        )
    ]


def _imbalance(examined: Examined) -> list[Finding]:
    counts = examined.role_counts["train"]
    most, least = int(counts.argmax()), int(np.where(counts > 0, counts, counts.max()).argmin())
    ratio = counts[most] / counts[least]
    if ratio < _SOMEWHAT_UNBALANCED:
        return []
    names = examined.class_names
    return [
        Finding(
            id="class-imbalance",
            title="Classes of very different size",
            severity="warning" if ratio >= _UNBALANCED else "note",
            count=int((counts * _SOMEWHAT_UNBALANCED <= counts[most]).sum()),
            examined=len(names),
            found=f"'{names[most]}' has {ratio:.0f} times as many training images "
            f"({counts[most]:,}) as '{names[least]}' ({counts[least]:,}), and always answering "
            f"'{names[most]}' would be right for {counts[most] / counts.sum():.0%} of them",
            advice="Compare every accuracy with that share, and look at each class by itself.",
        )
    ]


def _empty(examined: Examined) -> list[Finding]:
    counts = np.sum(list(examined.role_counts.values()), axis=0)
    names = [examined.class_names[label] for label in np.flatnonzero(counts == 0)]
    names += [name for name in examined.splits.load_report.empty_classes if name not in names]
    if not names:
        return []
    return [
        Finding(
            id="classes-empty",
            title="Classes without a single image",
            severity="warning",
            count=len(names),
            examined=len({*examined.class_names, *names}),
            found=f"There is not one image of {listed(names)}",
            advice="Add images of them, or take the classes away.",
        )
    ]


def _classes(count: int) -> str:
    return "1 class has" if count == 1 else f"{count:,} classes have"
