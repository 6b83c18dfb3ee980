"""Resolving a request: which recipe, network and device it means when it leaves them open."""

import time
from dataclasses import dataclass
from datetime import datetime

from clearsight.data.sources.load import default_recipe
from clearsight.engine.runtime.choices import Device
from clearsight.engine.runtime.device import choose_device
from clearsight.run.request import ARRAYS, RECIPE_OPTIONS, TrainRequest
from clearsight.run.store.location import check_free
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import find_recipe


@dataclass(frozen=True)
class ResolvedOptions:
    """What a request means before any image is read.

    Attributes:
        request: as it was given, except that the model and its arguments are filled in.
        given: the request as it was given.
        recipe: with the values that the request replaces.
        device: what the network computes on.
        started: when the request came, in local time.
        requested_at: `time.perf_counter` then.
    """

    request: TrainRequest
    given: TrainRequest
    recipe: Recipe
    device: Device
    started: datetime
    requested_at: float

    @property
    def given_recipe_options(self) -> set[str]:
        """The options of the recipe that the user set, in a recipe of their own too."""
        given, recipe = self.given, self.given.recipe
        names = {name for name in RECIPE_OPTIONS if getattr(given, name) is not None}
        if isinstance(recipe, Recipe):
            fields = Recipe.model_fields
            names |= {name for name, value in recipe if value != fields[name].default}
        return names | given.recipe_arguments.keys()


def resolve_request(given: TrainRequest) -> ResolvedOptions:
    """Settle recipe, network and device of a request.

    Raises:
        RequestError: when the recipe or device is unknown, or a recipe value is out of range.
        RunError: when the run's folder exists already.
    """
    requested_at, started = time.perf_counter(), datetime.now().astimezone()
    if given.out is not None:
        check_free(given.out)
    device = choose_device(given.device)
    recipe = _recipe(given)
    request = given
    if given.model is None:
        arguments = {**recipe.model_arguments, **given.model_arguments}
        request = given.model_copy(update={"model": recipe.model, "model_arguments": arguments})
    return ResolvedOptions(request, given, recipe, device, started, requested_at)


def _recipe(request: TrainRequest) -> Recipe:
    recipe = request.recipe
    if not isinstance(recipe, Recipe):
        source = request.source if isinstance(request.source, str) else ARRAYS
        recipe = find_recipe(recipe or default_recipe(source))
    if not request.is_named_source:
        recipe = recipe.without_limits()
    values = {name: getattr(request, name) for name in RECIPE_OPTIONS}
    given = {name: value for name, value in values.items() if value is not None}
    return recipe.replace(**{**request.recipe_arguments, **given})
