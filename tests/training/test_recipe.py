from __future__ import annotations

import pytest
from pydantic import ValidationError

from clearsight.errors import RequestError
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import RECIPES, find_recipe


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_is_frozen_and_named_as_listed(recipe: Recipe) -> None:
    assert find_recipe(recipe.name) is recipe
    assert recipe.summary
    with pytest.raises(ValidationError, match="frozen"):
        recipe.epochs = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_the_lesson_is_the_published_job() -> None:
    lesson = find_recipe("lesson")
    assert (lesson.optimizer, lesson.learning_rate) == ("adam", 0.001)
    assert (lesson.epochs, lesson.batch_size) == (10, 64)
    assert (lesson.validation_split, lesson.validation_method) == (0.2, "tail")
    assert (lesson.train_limit, lesson.test_limit) == (15_000, 3_000)


def test_changes_are_validated_and_all_mistakes_reported() -> None:
    lesson = find_recipe("lesson")
    assert lesson.replace(epochs=None) == lesson
    assert lesson.replace(epochs=3).epochs == 3
    with pytest.raises(RequestError) as caught:
        lesson.replace(epochs=0, learning_rate=float("nan"), validation_split=1)
    for clause in ("epochs = 0: ", "learning_rate = nan: ", "validation_split = 1: "):
        assert clause in str(caught.value)


def test_an_unknown_recipe_gets_the_nearest_name() -> None:
    with pytest.raises(RequestError, match="Did you mean 'lesson'"):
        find_recipe("leson")
