"""The default recipe depends on where images come from, and the plan says so."""

from __future__ import annotations

from typing import Any

import pytest

import clearsight
from clearsight.io.console import TextConsole
from clearsight.option_names import on_command_line
from clearsight.run.plan.summary import summarize
from clearsight.run.request import train_request
from clearsight.run.train import Display, plan_request
from clearsight.training.progress import Progress


def decided(source: Any, **options: Any) -> str:
    display = Display.of(Progress(TextConsole(quiet=True)))
    plan = plan_request(train_request(source, epochs=1, **options), display)
    return dict(summarize(plan))["decided"]


def test_the_same_images_from_elsewhere_get_another_recipe_and_it_says_why() -> None:
    images = clearsight.load_data("digits")
    named = decided("digits")
    assert "recipe lesson, the default for this source (strong for images of your own)" in named
    own = decided(images)
    assert "recipe strong, the default for your own images (or recipe='lesson')" in own
    with on_command_line():
        assert "(or --recipe lesson)" in decided(images)


@pytest.mark.parametrize("source", ["digits", "arrays"])
def test_a_recipe_that_is_given_is_not_decided(source: str) -> None:
    given = clearsight.load_data("digits") if source == "arrays" else source
    assert "recipe" not in decided(given, recipe="lesson")
