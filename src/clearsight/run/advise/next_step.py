"""`NextStep`: the one experiment that a curve's reading calls for, as options of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from clearsight.evaluation.curve.finding import CurveFinding, FindingName
from clearsight.models.zoo import FAMILIES
from clearsight.models.zoo.lesson import LessonOptions
from clearsight.run.store.record import RunRecord

_FIRST_DROPOUT, _MORE_DROPOUT, _MOST_DROPOUT = 0.3, 0.2, 0.6
_TRANSLATION = 2  # pixels
_WEIGHT_DECAY = 0.004  # Keras's own for AdamW
_PATIENCE = 3  # epochs
_MOST_VALIDATION = 0.4  # share of the training images


@dataclass(frozen=True)
class NextStep:
    """What to try next.

    Attributes:
        why: in one sentence.
        options: fields of `TrainRequest` that are to be otherwise; with model and recipe arguments
            only those that change. Empty where it is not another training.
        checks_data: whether the step is to look at the images, with ``clearsight data check``.
    """

    why: str
    options: dict[str, Any] = field(default_factory=dict)
    checks_data: bool = False


def next_step(record: RunRecord, findings: tuple[CurveFinding, ...]) -> NextStep | None:
    """Say what to try next.

    Args:
        record: of the run.
        findings: what its curve says, what matters most first.

    Returns:
        None where the curve calls for nothing.
    """
    steps = (_STEPS[finding.name](record, finding) for finding in findings)
    return next((step for step in steps if step is not None), None)


def _slower(record: RunRecord, finding: CurveFinding) -> NextStep:
    factor = 10 if finding.name == "diverged" else 3
    rate = float(f"{record.request.recipe.learning_rate / factor:.2g}")
    return NextStep(f"Take a learning rate of {rate:g}.", {"learning_rate": rate})


def _against_overfitting(record: RunRecord, finding: CurveFinding) -> NextStep:
    del finding
    recipe = record.request.recipe
    dropout = _current(record, "dropout")
    if dropout is not None and dropout < _MOST_DROPOUT:
        more = round(min(dropout + _MORE_DROPOUT, _MOST_DROPOUT) if dropout else _FIRST_DROPOUT, 2)
        return NextStep(
            f"Leave out {more:.0%} of the last hidden values in each step, so that the network "
            "cannot rely on few of them.",
            {"model_arguments": {"dropout": more}},
        )
    if not recipe.translate_pixels:
        return NextStep(
            f"Move each image by up to {_TRANSLATION} pixels in each epoch, so that no image "
            "is seen twice.",
            {"recipe_arguments": {"translate_pixels": _TRANSLATION}},
        )
    if not recipe.weight_decay:
        return NextStep(
            "Let weights decay, so that only those stay that are needed.",
            {"recipe_arguments": {"weight_decay": _WEIGHT_DECAY}},
        )
    if not recipe.patience:
        return NextStep(
            "End training when validation accuracy no longer rises, and keep the best weights.",
            {"recipe_arguments": {"patience": _PATIENCE}},
        )
    return NextStep("What helps most now is more images, of more kinds.")


def _longer(record: RunRecord, finding: CurveFinding) -> NextStep:
    del finding
    epochs = 2 * record.request.recipe.epochs
    return NextStep(f"Train for {epochs} epochs.", {"epochs": epochs})


def _larger(record: RunRecord, finding: CurveFinding) -> NextStep | None:
    del finding
    for brake in ("l2", "dropout"):
        if _current(record, brake):
            return NextStep(
                f"Take {brake} off: the network is held down by it.",
                {"model_arguments": {brake: 0.0}},
            )
    if record.request.model == "lesson":
        options = LessonOptions(**record.request.model_arguments)
        return NextStep(
            "Take twice as many filters and hidden units.",
            {
                "model_arguments": {
                    "filters": [2 * filters for filters, _ in options.blocks],
                    "dense_units": 2 * options.dense_units,
                }
            },
        )
    width = _current(record, "width")
    if width is not None:
        return NextStep(
            f"Take {2 * width} filters in the last stage.",
            {"model_arguments": {"width": 2 * width}},
        )
    return NextStep("Take a larger network, or the residual one.", {"model": "residual"})


def _easier(record: RunRecord, finding: CurveFinding) -> NextStep | None:
    if "num_leaked" in finding.evidence or "end_gap" not in finding.evidence:
        return _look_at_data("See which images stand on both sides.")
    if finding.evidence["end_gap"] >= 0:
        return None
    is_own_split = record.data.get("validation") is None
    if is_own_split and record.request.recipe.validation_method == "tail":
        return NextStep(
            "Hold out the same share of each class.",
            {"recipe_arguments": {"validation_method": "stratified"}},
        )
    return _look_at_data("See how the validation images differ from the others.")


def _more_validation(record: RunRecord, finding: CurveFinding) -> NextStep | None:
    if "num_epochs" in finding.evidence:
        return _longer(record, finding)
    share = record.request.recipe.validation_split
    if record.data.get("validation") is None and share < _MOST_VALIDATION:
        share = round(min(2 * share, _MOST_VALIDATION), 2)
        return NextStep(
            f"Hold out {share:.0%} of the images to validate on.", {"validation_split": share}
        )
    return NextStep("Only more validation images can tell.")


def _stronger(record: RunRecord, finding: CurveFinding) -> NextStep | None:
    del finding
    if record.request.recipe.name not in ("strong", "best") and record.request.model in FAMILIES:
        return NextStep(
            "This network has given what it has; a residual network, well trained, may do better.",
            {"recipe": "strong", "model": "residual"},
        )
    return None


def _look_at_data(why: str) -> NextStep:
    return NextStep(why, checks_data=True)


_STEPS: dict[FindingName, Callable[[RunRecord, CurveFinding], NextStep | None]] = {
    "diverged": _slower,
    "unstable": _slower,
    "validation-easier": _easier,
    "overfitting": _against_overfitting,
    "too-noisy": _more_validation,
    "still-learning": _longer,
    "underfitting": _larger,
    "converged": _stronger,
}


def _current(record: RunRecord, option: str) -> Any:
    """Return the value of a network's option; None where the network has no such option."""
    family = FAMILIES.get(record.request.model)
    if family is None or option not in family.options.model_fields:
        return None
    options: BaseModel = family.options(**record.request.model_arguments)
    return getattr(options, option)
