"""Validation images that are not a fair sample: leaked into training, or easier than others."""

import numpy as np

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import MIN_GAP, points
from clearsight.evaluation.curve.statistics import CurveStatistics

_MIN_LEAK_FRACTION = 0.01  # fraction of the validation images


def leaked_validation(curve: CurveStatistics) -> CurveFinding | None:
    """Detect validation images that are in the training set too."""
    num_leaked, num_val = curve.context.num_leaked, curve.context.num_val
    if num_leaked < max(_MIN_LEAK_FRACTION * num_val, 1):
        return None
    return CurveFinding(
        "validation-easier",
        f"{num_leaked:,} of the {num_val:,} validation images are also used for training: "
        "validation accuracy measures how well they are remembered, which hides overfitting; "
        "remove them first.",
        {"num_leaked": num_leaked, "num_val": num_val},
    )


def easier_validation(curve: CurveStatistics) -> CurveFinding | None:
    """Explain a validation accuracy that is clearly above a history's training accuracy."""
    gap = curve.gap(curve.num_epochs)
    if curve.is_short or not gap.is_clearly_negative or gap.value > -MIN_GAP / 4:
        return None
    evidence: dict[str, float | int] = {"gap": gap.value, "gap_low": gap.interval.low}
    above = (
        f"Validation accuracy is {points(-gap.value)} above the mean training accuracy of the last "
        f"epoch ({gap.train:.3f})"
    )
    if curve.outcomes is not None:
        end_gap = curve.end_gap
        evidence |= {"end_gap": end_gap.value, "end_gap_low": end_gap.interval.low}
        if end_gap.is_clearly_negative:
            return CurveFinding(
                "validation-easier",
                f"{above}, and the final network does {points(-end_gap.value)} better on "
                "validation images than on unmodified training images: the validation images are "
                "easier, so accuracy on new images will be lower.",
                evidence,
            )
    if curve.context.is_made_harder:
        return CurveFinding(
            "validation-easier",
            f"{above}, because dropout or augmentation makes training images harder; this is "
            "normal.",
            evidence,
        )
    steps = np.diff(curve.accuracy)
    if len(steps) and steps[-1] > -gap.value / 2:
        return None  # training accuracy is a mean over an epoch that gained this much
    return CurveFinding(
        "validation-easier",
        f"{above} although nothing makes training harder: check for validation images that are "
        "also used for training.",
        evidence,
    )
