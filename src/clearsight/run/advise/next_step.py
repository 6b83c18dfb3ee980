"""`NextStep`: the next experiment that a training curve suggests."""

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
_WEIGHT_DECAY = 0.004  # Keras's default for AdamW
_PATIENCE = 3  # epochs
_MOST_VALIDATION = 0.4  # as a fraction of the training images


@dataclass(frozen=True)
class NextStep:
    """What to try next.

    Attributes:
        why: what to do, in one sentence.
        options: fields of `TrainRequest` to change; of model and recipe arguments only those that
            change. Empty if the step is not another training.
        checks_data: whether the step is ``clearsight data check``.
    """

    why: str
    options: dict[str, Any] = field(default_factory=dict)
    checks_data: bool = False


def next_step(record: RunRecord, findings: tuple[CurveFinding, ...]) -> NextStep | None:
    """Return what a run's findings, most important first, suggest to try next; None if nothing."""
    steps = (_STEPS[finding.name](record, finding) for finding in findings)
    return next((step for step in steps if step is not None), None)


def _lower_learning_rate(record: RunRecord, finding: CurveFinding) -> NextStep:
    factor = 10 if finding.name == "diverged" else 3
    rate = float(f"{record.request.recipe.learning_rate / factor:.2g}")
    return NextStep(f"Set the learning rate to {rate:g}.", {"learning_rate": rate})


def _less_overfitting(record: RunRecord, _: CurveFinding) -> NextStep:
    recipe = record.request.recipe
    dropout = _current(record, "dropout")
    if dropout is not None and dropout < _MOST_DROPOUT:
        more = round(min(dropout + _MORE_DROPOUT, _MOST_DROPOUT) if dropout else _FIRST_DROPOUT, 2)
        how = f"Raise dropout to {more:.0%}" if dropout else f"Add {more:.0%} dropout"
        return NextStep(f"{how} before the output layer.", {"model_arguments": {"dropout": more}})
    if not recipe.translate_pixels:
        return NextStep(
            f"Shift each image by up to {_TRANSLATION} pixels, differently in each epoch.",
            {"recipe_arguments": {"translate_pixels": _TRANSLATION}},
        )
    if not recipe.weight_decay:
        return NextStep(
            f"Add a weight decay of {_WEIGHT_DECAY:g}.",
            {"recipe_arguments": {"weight_decay": _WEIGHT_DECAY}},
        )
    if not recipe.patience:
        return NextStep(
            "Stop when validation accuracy no longer rises, and restore the best weights.",
            {"recipe_arguments": {"patience": _PATIENCE}},
        )
    return NextStep("What helps most now is more images, and more varied ones.")


def _more_epochs(record: RunRecord, _: CurveFinding) -> NextStep:
    epochs = 2 * record.request.recipe.epochs
    return NextStep(f"Train for {epochs} epochs.", {"epochs": epochs})


def _larger_network(record: RunRecord, _: CurveFinding) -> NextStep:
    for regularizer in ("l2", "dropout"):
        if _current(record, regularizer):
            return NextStep(
                f"Remove {regularizer}, which keeps the network from fitting the training images.",
                {"model_arguments": {regularizer: 0.0}},
            )
    if record.request.model == "lesson":
        options = LessonOptions(**record.request.model_arguments)
        larger = {
            "filters": [2 * filters for filters, _ in options.blocks],
            "dense_units": 2 * options.dense_units,
        }
        return NextStep(
            "Double the number of filters and hidden units.", {"model_arguments": larger}
        )
    width = _current(record, "width")
    if width is not None:
        return NextStep(
            f"Use {2 * width} filters in the last stage.", {"model_arguments": {"width": 2 * width}}
        )
    return NextStep("Use a larger network, e.g. the residual one.", {"model": "residual"})


def _comparable_validation(record: RunRecord, finding: CurveFinding) -> NextStep | None:
    if "num_leaked" in finding.evidence or "end_gap" not in finding.evidence:
        return NextStep(
            "See which images are in both the training and the validation set.", checks_data=True
        )
    if finding.evidence["end_gap"] >= 0:
        return None
    is_own_split = record.data.get("validation") is None
    if is_own_split and record.request.recipe.validation_method == "tail":
        return NextStep(
            "Hold out the same fraction of each class.",
            {"recipe_arguments": {"validation_method": "stratified"}},
        )
    return NextStep("See how the validation images differ from the others.", checks_data=True)


def _more_validation(record: RunRecord, finding: CurveFinding) -> NextStep:
    if "num_epochs" in finding.evidence:
        return _more_epochs(record, finding)
    fraction = record.request.recipe.validation_split
    if record.data.get("validation") is None and fraction < _MOST_VALIDATION:
        fraction = round(min(2 * fraction, _MOST_VALIDATION), 2)
        return NextStep(
            f"Hold out {fraction:.0%} of the images for validation.", {"validation_split": fraction}
        )
    return NextStep("Only more validation images can tell.")


def _stronger_network(record: RunRecord, _: CurveFinding) -> NextStep | None:
    request = record.request
    if request.recipe.name not in ("strong", "best") and request.model in FAMILIES:
        return NextStep(
            "This network has reached its limit; a well-trained residual network may do better.",
            {"recipe": "strong", "model": "residual"},
        )
    return None


_STEPS: dict[FindingName, Callable[[RunRecord, CurveFinding], NextStep | None]] = {
    "diverged": _lower_learning_rate,
    "unstable": _lower_learning_rate,
    "validation-easier": _comparable_validation,
    "overfitting": _less_overfitting,
    "too-noisy": _more_validation,
    "still-learning": _more_epochs,
    "underfitting": _larger_network,
    "converged": _stronger_network,
}


def _current(record: RunRecord, option: str) -> Any:
    """Return the value of a network's option; None if the network has no such option."""
    family = FAMILIES.get(record.request.model)
    if family is None or option not in family.options.model_fields:
        return None
    options: BaseModel = family.options(**record.request.model_arguments)
    return getattr(options, option)
