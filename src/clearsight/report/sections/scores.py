"""The scores in full: of each class, and whether the network is right as often as it is sure."""

from __future__ import annotations

from typing import Any

from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.scores.scores import Measures
from clearsight.report.numbers import estimate_in_percent, interval_in_percent, percent


def class_section(measures: Measures) -> dict[str, Any]:
    """Return each class's scores and their means."""
    return {
        "classes": [
            {
                "name": score.class_name,
                "count": score.num_images,
                "scores": [
                    estimate_in_percent(each) for each in (score.precision, score.recall, score.f1)
                ],
                "recall": 100 * (score.recall.value or 0.0),
            }
            for score in measures.classes
        ],
        "macro": [
            estimate_in_percent(each)
            for each in (measures.macro.precision, measures.macro.recall, measures.macro.f1)
        ],
        "overall": _overall(measures),
    }


def calibration_section(measures: Measures) -> dict[str, Any] | None:
    """Return what there is to say of confidence, None where nothing can be said."""
    calibration = measures.calibration
    if calibration is None:
        return None
    ece, chance = calibration.ece.value or 0.0, calibration.ece_if_calibrated
    interval = calibration.ece.interval
    within = f" (95% interval {interval_in_percent(interval)})" if interval else ""
    sentence = (
        f"On average, confidence and accuracy are {percent(ece)} apart{within}. A network that is "
        f"right exactly as often as it is sure would measure {percent(chance)} on so many images."
    )
    tempered = measures.tempered
    remedy = None
    if tempered is not None:
        said = "less" if tempered.temperature > 1 else "more"
        remedy = (
            f"Temperature scaling with {tempered.temperature:.2f}, fitted on "
            f"{tempered.num_val_images:,} validation images, would make it {said} sure and bring "
            f"this to {percent(tempered.ece.value or 0.0)}; which class is named stays the same."
        )
    return {
        "sentence": sentence,
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


def _overall(measures: Measures) -> list[tuple[str, str]]:
    """Return the scores of all images together, by name."""
    found = [(f"top-{top.count} accuracy", _with_interval(top.share)) for top in measures.top]
    for name, estimate in (("log loss, nats", measures.log_loss), ("Brier score", measures.brier)):
        if estimate is not None and estimate.value is not None and estimate.interval is not None:
            low, high = estimate.interval.low, estimate.interval.high
            found.append((name, f"{estimate.value:.3f} ({low:.3f} to {high:.3f})"))
    return found


def _with_interval(estimate: Estimate) -> str:
    words = estimate_in_percent(estimate)
    return f"{words['value']} ({words['interval']})"
