"""What is tried next is what its command says, and is compared on the validation images."""

from __future__ import annotations

from typing import Any

import pytest

import clearsight
from clearsight.run.advise.next_step import NextStep
from clearsight.run.advise.try_next import compare_next, unevaluated_next_request
from clearsight.run.plan.plan import Plan
from clearsight.run.request import TrainRequest, train_request
from clearsight.run.train import Display, plan_request, run_plan
from clearsight.training.progress import Progress

QUIET = Display(Progress.silent())
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
