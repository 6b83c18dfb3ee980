"""`NextStep`: the next experiment that a training curve suggests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from clearsight.errors import RunError
from clearsight.evaluation.curve.finding import CurveFinding, FindingName
from clearsight.models.zoo import FAMILIES
from clearsight.models.zoo.lesson import LessonOptions
from clearsight.run.store.record import RunRecord

_DROPOUT = 0.3
_TRANSLATION = 0.07  # of an image's shorter side: 2 of 28 pixels
_CUTOUT = 0.3  # of an image's shorter side
_WEIGHT_DECAY = 0.004  # Keras's default for AdamW
_PATIENCE = 3  # epochs
_MAX_VALIDATION_FRACTION = 0.4  # as a fraction of the training images
_FEW = 1_000  # training images: with fewer, more of them help most
_ENOUGH_STEPS = 200  # for a first trend
_WIDE_GAP = 0.05  # accuracy that a network without new mistakes on other images would gain
_LEARNED = 0.98  # training accuracy that leaves little to learn from these images


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
    """Return what a run's findings, most important first, suggest to try next; None if nothing.

    Raises:
        RunError: when a finding lacks a number, or the network's options are not valid.
    """
    steps = (_STEPS[finding.name](record, finding) for finding in findings)
    try:
        return next((step for step in steps if step is not None), None)
    except (KeyError, ValidationError) as error:
        raise RunError(
            "The next step should follow from the numbers of results.json and the network's "
            f"options in run.json, but {str(error).splitlines()[0]} is missing or not valid: "
            "restore the run from a copy."
        ) from error


def _lower_learning_rate(record: RunRecord, finding: CurveFinding) -> NextStep:
    factor = 10 if finding.name == "diverged" else 3
    rate = float(f"{record.request.recipe.learning_rate / factor:.2g}")
    return NextStep(f"Set the learning rate to {rate:g}.", {"learning_rate": rate})


def _less_overfitting(record: RunRecord, _: CurveFinding) -> NextStep:
    """Suggest what makes up for images that are missing; dropout helps only if there are many."""
    recipe = record.request.recipe
    options: dict[str, Any] = {}
    side = min(record.preparation.height, record.preparation.width)
    few = f"{record.num_train:,} training images of {len(record.class_names)} classes are few"
    if record.num_train >= _FEW and _current(record, "dropout") == 0:
        what = f"Add {_DROPOUT:.0%} dropout before the output layer"
        return NextStep(f"{what}.", {"model_arguments": {"dropout": _DROPOUT}})
    if recipe.translate_pixels < _TRANSLATION * side / 2:
        pixels = max(round(_TRANSLATION * side), 1)
        what = f"Shift each image by up to {_pixels(pixels)}, differently in each epoch"
        options = {"recipe_arguments": {"translate_pixels": pixels}}
    elif not recipe.cutout_pixels:
        pixels = max(round(_CUTOUT * side), 1)
        what = f"Blacken a random square of {_pixels(pixels)} in each image"
        options = {"recipe_arguments": {"cutout_pixels": pixels}}
    elif not recipe.weight_decay:
        what = f"Add a weight decay of {_WEIGHT_DECAY:g}"
        options = {"recipe_arguments": {"weight_decay": _WEIGHT_DECAY}}
    elif record.num_train >= _FEW and not recipe.patience:
        what = "Stop when validation accuracy no longer rises, and restore the best weights"
        options = {"recipe_arguments": {"patience": _PATIENCE}}
    else:
        return NextStep(
            f"Add images: {few}." if record.num_train < _FEW else "Add more and more varied images."
        )
    if record.num_train < _FEW:
        what = f"{few}: more of them help most. Until then: {what[0].lower()}{what[1:]}"
    return NextStep(f"{what}.", options)


def _more_epochs(record: RunRecord, finding: CurveFinding) -> NextStep:
    evidence = finding.evidence
    has_learned = evidence.get("train_accuracy", 0) > _LEARNED
    if has_learned and evidence.get("gap_low", 0) > 0 and evidence["gap"] > _WIDE_GAP:
        return _less_overfitting(record, finding)
    recipe = record.request.recipe
    if recipe.patience and evidence["num_epochs"] < recipe.epochs:
        patience = 2 * recipe.patience
        return NextStep(
            f"Stop only after {patience} epochs without better validation accuracy.",
            {"recipe_arguments": {"patience": patience}},
        )
    enough = -(-_ENOUGH_STEPS // record.steps_per_epoch)
    epochs = max(2 * recipe.epochs, enough)
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
            "filters": [2 * filters for filters, *_ in options.blocks],
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
    needed = int(finding.evidence["num_val_needed"])
    num_val = record.split.num_validation
    recipe = record.request.recipe
    num_images = record.num_train + num_val
    fraction = round(
        min(max(needed / num_images, recipe.validation_split), _MAX_VALIDATION_FRACTION), 2
    )
    is_own_split = record.data.get("validation") is None
    if is_own_split and fraction > recipe.validation_split and fraction * num_images >= needed:
        return NextStep(
            f"Hold out {fraction:.0%} of the images for validation.", {"validation_split": fraction}
        )
    return NextStep(
        f"Add images: about {needed:,} are needed for validation alone, and there are {num_val:,}."
    )


def _less_gap_or_stronger_network(record: RunRecord, finding: CurveFinding) -> NextStep | None:
    if finding.evidence["gap_low"] > 0 and finding.evidence["gap"] > _WIDE_GAP:
        return _less_overfitting(record, finding)
    request = record.request
    if finding.evidence["val_accuracy"] == 1:
        return None
    if request.recipe.name not in ("strong", "best") and request.model in FAMILIES:
        return NextStep(
            "This network no longer improves; a well-trained residual network may do better.",
            {"recipe": "strong", "model": "residual"},
        )
    return None


def _check_images(*_: Any) -> NextStep:
    return NextStep(
        "See whether the images show their classes, and whether the labels are right.",
        checks_data=True,
    )


_STEPS: dict[FindingName, Callable[[RunRecord, CurveFinding], NextStep | None]] = {
    "not-above-chance": _check_images,
    "diverged": _lower_learning_rate,
    "unstable": _lower_learning_rate,
    "validation-easier": _comparable_validation,
    "overfitting": _less_overfitting,
    "too-noisy": _more_validation,
    "still-learning": _more_epochs,
    "underfitting": _larger_network,
    "converged": _less_gap_or_stronger_network,
}


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count} pixels"


def _current(record: RunRecord, option: str) -> Any:
    """Return the value of a network's option; None if the network has no such option."""
    family = FAMILIES.get(record.request.model)
    if family is None or option not in family.options.model_fields:
        return None
    options: BaseModel = family.options(**record.request.model_arguments)
    return getattr(options, option)
