"""Validation images that are no fair sample: leaked, or easier than others."""

from __future__ import annotations

import numpy as np

from clearsight.evaluation.curve.finding import LEAST_GAP, CurveFinding, points
from clearsight.evaluation.curve.measures import CurveMeasures

_LEAST_LEAK = 0.01  # share of the validation images


def leaked(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether validation images are also trained on."""
    known = measures.circumstances
    if known.num_leaked < max(_LEAST_LEAK * known.num_val, 1):
        return None
    return CurveFinding(
        "validation-easier",
        f"{known.num_leaked:,} of the {known.num_val:,} validation images are also trained on: "
        "validation accuracy tells how well they are remembered, and hides overfitting; take them "
        "out first.",
        {"num_leaked": known.num_leaked, "num_val": known.num_val},
    )


def easier(measures: CurveMeasures) -> CurveFinding | None:
    """Tell why validation accuracy is above training accuracy, where it clearly is."""
    known = measures.circumstances
    gap, interval = measures.gap(measures.num_epochs)
    if interval.high >= 0 or gap > -LEAST_GAP / 4 or measures.num_epochs < 2:
        return None
    evidence: dict[str, float | int] = {"gap": gap, "gap_low": interval.low}
    above = f"Validation accuracy is {points(-gap)} above training accuracy"
    if measures.outcomes is not None:
        end, end_interval = measures.end_gap
        evidence |= {"end_gap": end, "end_gap_low": end_interval.low}
        if end_interval.high < 0:
            return CurveFinding(
                "validation-easier",
                f"{above}, and the last weights do {points(-end)} better on validation images "
                "than on training images as they are: the validation images are easier, so "
                "that a new image will fare worse than they do.",
                evidence,
            )
    if known.is_made_harder:
        return CurveFinding(
            "validation-easier",
            f"{above}, because dropout or augmentation make training images harder than they "
            "are; that is no fault.",
            evidence,
        )
    steps = np.diff(measures.accuracy)
    if len(steps) and steps[-1] > -gap / 2:
        return None  # training accuracy is a mean over an epoch that learned as much
    return CurveFinding(
        "validation-easier",
        f"{above} although nothing makes training harder: look for validation images that are "
        "also trained on.",
        evidence,
    )
