"""What is tried next is what its command says, and is compared on the validation images."""

from __future__ import annotations

from typing import Any

import pytest

import clearsight
from clearsight.evaluation.curve.finding import CurveFinding, FindingName
from clearsight.io.console import TextConsole
from clearsight.run.advise.next_step import NextStep, next_step
from clearsight.run.advise.try_next import compare_next, unevaluated_next_request
from clearsight.run.plan.plan import Plan
from clearsight.run.request import TrainRequest, train_request
from clearsight.run.store.record import RunRecord
from clearsight.run.train import Display, plan_request, run_plan
from clearsight.training.progress import Progress

QUIET = Display.of(Progress(TextConsole(quiet=True)))
ASKED: dict[str, Any] = {"train_limit": 600, "test_limit": 100, "epochs": 2, "learning_rate": 0.002}


def plan_next(request: TrainRequest, run: clearsight.Run, step: NextStep) -> Plan:
    return plan_request(unevaluated_next_request(request, run, step), QUIET)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> clearsight.Run:
    out = tmp_path_factory.mktemp("next") / "run"
    return clearsight.train(
        "fashion-mnist", out=out, report=False, bundle=False, verbose=False, **ASKED
    )


def test_another_recipe_comes_with_its_own_values(run: clearsight.Run) -> None:
    step = NextStep("", {"recipe": "strong", "model": "residual"})
    plan = plan_next(train_request("fashion-mnist", **ASKED), run, step)
    typed = train_request(
        "fashion-mnist", recipe="strong", model="residual", train_limit=600, test_limit=100
    )
    assert plan.record.request.recipe == plan_request(typed, QUIET).record.request.recipe
    assert plan.record.request.model == "residual"


def test_one_change_leaves_the_rest_and_is_compared(run: clearsight.Run) -> None:
    step = NextStep("", {"model_arguments": {"dropout": 0.3}})
    plan = plan_next(train_request("fashion-mnist", report=False, bundle=False, **ASKED), run, step)
    assert plan.record.request.recipe == run.record.request.recipe
    assert plan.record.request.model_arguments == {"dropout": 0.3}
    compared = compare_next(plan, run, run_plan(plan, QUIET))
    assert compared.paired is not None
    assert compared.paired.num_images == 120
    assert compared.next_run.results.test_accuracy is None
    assert compared.next_run.path.name == "run_next"
    assert "validation accuracy is" in compared.sentence


def test_other_validation_images_are_not_compared_image_by_image(
    run: clearsight.Run,
) -> None:
    step = NextStep("", {"validation_split": 0.4})
    plan = plan_next(train_request("fashion-mnist", report=False, bundle=False, **ASKED), run, step)
    compared = compare_next(plan, run, run_plan(plan, QUIET))
    assert compared.paired is None
    assert "cannot be compared image by image" in compared.sentence


def record_of(run: clearsight.Run, num_images: int, **recipe: Any) -> RunRecord:
    """Return a run's record as if it had so many training images, a fifth held out."""
    record = run.record
    train = record.data["train"].model_copy(update={"num_images": num_images})
    data = {**record.data, "train": train}
    split = record.split.model_copy(update={"num_validation": num_images // 5})
    changed = record.request.recipe.replace(**recipe)
    request = record.request.model_copy(update={"recipe": changed})
    return record.model_copy(update={"data": data, "split": split, "request": request})


def step_for(record: RunRecord, name: FindingName, **evidence: float) -> NextStep:
    step = next_step(record, (CurveFinding(name, "", evidence),))
    assert step is not None
    return step


GAP: dict[str, float] = {"gap": 0.16, "gap_low": 0.12, "gap_high": 0.20}


def test_with_few_images_more_of_them_and_augmentation_are_suggested(run: clearsight.Run) -> None:
    """Never dropout, and never the same twice."""
    suggested: list[str] = []
    recipe: dict[str, Any] = {}
    for _ in range(5):
        step = step_for(record_of(run, 200, **recipe), "overfitting", **GAP)
        assert step.why not in suggested
        suggested.append(step.why)
        recipe |= step.options.get("recipe_arguments", {})
        assert "160 training images of 10 classes are few" in step.why
        if not step.options:
            break
    assert suggested[0] == (
        "160 training images of 10 classes are few: more of them help most. Until then: shift each "
        "image by up to 2 pixels, differently in each epoch."
    )
    assert suggested[-1] == "Add images: 160 training images of 10 classes are few."
    assert "dropout" not in " ".join(suggested)


def test_with_many_images_dropout_is_suggested_once(run: clearsight.Run) -> None:
    record = record_of(run, 12_000)
    assert step_for(record, "overfitting", **GAP).options == {"model_arguments": {"dropout": 0.3}}
    request = record.request.model_copy(update={"model_arguments": {"dropout": 0.3}})
    record = record.model_copy(update={"request": request})
    assert "dropout" not in step_for(record, "overfitting", **GAP).why


def test_a_wide_gap_has_a_next_step_also_when_converged(run: clearsight.Run) -> None:
    for count in (200, 12_000):
        record = record_of(run, count)
        overfitted = step_for(record, "overfitting", **GAP)
        assert step_for(record, "converged", val_accuracy=0.84, **GAP) == overfitted
    narrow = {"gap": 0.01, "gap_low": -0.01, "gap_high": 0.03}
    step = step_for(record_of(run, 12_000), "converged", val_accuracy=0.84, **narrow)
    assert step.options == {"recipe": "strong", "model": "residual"}
    perfect = CurveFinding("converged", "", {"val_accuracy": 1.0, **narrow})
    assert next_step(record_of(run, 12_000), (perfect,)) is None


def test_an_underfitting_network_is_doubled(run: clearsight.Run) -> None:
    step = step_for(record_of(run, 12_000), "underfitting")
    assert step.options == {"model_arguments": {"filters": [64, 128], "dense_units": 256}}


def test_a_short_training_needs_more_epochs(run: clearsight.Run) -> None:
    """Of 800 images for two epochs: enough steps for a trend, and no other part held out."""
    record = record_of(run, 800, batch_size=128)
    for name in ("still-learning", "too-noisy"):
        step = step_for(record, name, num_epochs=2, num_steps=10, **GAP)
        assert step.options == {"epochs": 40}


def test_a_training_that_stopped_early_needs_patience(run: clearsight.Run) -> None:
    record = record_of(run, 12_000, epochs=30, patience=3)
    step = step_for(record, "still-learning", num_epochs=12, train_accuracy=0.8, **GAP)
    assert step.options == {"recipe_arguments": {"patience": 6}}


@pytest.mark.parametrize(
    ("needed", "expected"), [(300, {"validation_split": 0.3}), (5_000, {})], ids=str
)
def test_more_is_held_out_only_if_that_is_enough(
    run: clearsight.Run, needed: int, expected: dict[str, Any]
) -> None:
    step = step_for(record_of(run, 1_000), "too-noisy", num_val_needed=needed, **GAP)
    assert step.options == expected
    assert expected or step.why == (
        "Add images: about 5,000 are needed for validation alone, and there are 200."
    )
