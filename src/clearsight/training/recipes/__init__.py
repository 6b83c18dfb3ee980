"""The table of recipes. To add one, write a file in this folder and add a row here."""

from clearsight.errors import RequestError, did_you_mean
from clearsight.training.recipe import Recipe
from clearsight.training.recipes.best import BEST
from clearsight.training.recipes.fast import FAST
from clearsight.training.recipes.lesson import LESSON
from clearsight.training.recipes.strong import STRONG

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (LESSON, FAST, STRONG, BEST)}


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        RequestError: if there is none; suggests the nearest name.
    """
    if name in RECIPES:
        return RECIPES[name]
    raise RequestError(
        f"The recipe should be one of {', '.join(RECIPES)}, but '{name}' was given."
        f"{did_you_mean(name, RECIPES)}"
    )
