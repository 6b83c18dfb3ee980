"""The sections of the scores by class and of the calibration."""

from __future__ import annotations

from typing import Any

from clearsight.evaluation.scores.scores import Scores
from clearsight.report.numbers import estimate_in_percent, interval_in_percent, percent


def class_section(scores: Scores) -> dict[str, Any]:
    """Return each class's scores, their means, and the scores of all images together."""
    macro = (scores.macro.precision, scores.macro.recall, scores.macro.f1)
    return {
        "classes": [
            {
                "name": row.class_name,
                "count": row.num_images,
                "scores": [
                    estimate_in_percent(each) for each in (row.precision, row.recall, row.f1)
                ],
            }
            for row in scores.classes
        ],
        "macro": [estimate_in_percent(each) for each in macro],
        "overall": _overall(scores),
    }


def calibration_section(scores: Scores) -> dict[str, Any] | None:
    """Return what is known about the confidence, or None."""
    calibration, scaling = scores.calibration, scores.temperature_scaling
    if calibration is None:
        return None
    ece, interval = calibration.ece.value or 0.0, calibration.ece.interval
    suffix = f" (95% interval {interval_in_percent(interval)})" if interval else ""
    remedy = None
    if scaling is not None:
        direction = "less" if scaling.temperature > 1 else "more"
        remedy = (
            f"Temperature scaling with T = {scaling.temperature:.2f}, fitted on "
            f"{scaling.num_val_images:,} validation images, would make it {direction} confident "
            f"and change the difference to {percent(scaling.ece.value or 0.0)}; the predicted "
            "classes stay the same."
        )
    return {
        "sentence": (
            f"Confidence and accuracy differ by {percent(ece)} on average{suffix}. A perfectly "
            f"calibrated network would measure {percent(calibration.ece_if_calibrated)} on this "
            "many images."
        ),
        "remedy": remedy,
        "bins": [
            {
                "range": f"{100 * row.low:.0f} to {100 * row.high:.0f}%",
                "count": row.num_images,
                "confidence": percent(row.mean_confidence),
                "accuracy": percent(row.accuracy),
                "interval": interval_in_percent(row.interval),
            }
            for row in calibration.bins
            if row.interval is not None
            and row.mean_confidence is not None
            and row.accuracy is not None
        ],
    }


def _overall(scores: Scores) -> list[tuple[str, str]]:
    """Return the scores of all images together, by name."""
    rows = []
    for top in scores.top:
        text = estimate_in_percent(top.accuracy)
        rows.append((f"top-{top.k} accuracy", f"{text['value']} ({text['interval']})"))
    for name, estimate in (("log loss, nats", scores.log_loss), ("Brier score", scores.brier)):
        if estimate is not None and estimate.value is not None and estimate.interval is not None:
            low, high = estimate.interval.low, estimate.interval.high
            rows.append((name, f"{estimate.value:.3f} ({low:.3f} to {high:.3f})"))
    return rows
