"""The command line that repeats a run, tries the next step, or checks the data."""

import shlex
from typing import Any

from clearsight.models.zoo import FAMILIES
from clearsight.options import flag_words, option_fields
from clearsight.run.advise.next_step import NextStep
from clearsight.run.request import ARRAYS, RECIPE_OPTIONS, TrainRequest
from clearsight.run.store.record import RunRecord
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import RECIPES

_LIMITS = ("train_limit", "test_limit")


def repeat_command(record: RunRecord) -> str | None:
    """Return the command that repeats a run, with every value spelled out.

    None if the run cannot be typed: its images, recipe or model came from Python.
    """
    request = record.request
    recipe, named = request.recipe, RECIPES.get(request.recipe.name)
    if named is None or not _is_typeable(request):
        return None
    used = recipe.model_dump()
    changed = {k: used[k] for k, value in named.model_dump().items() if used[k] != value}
    values = {
        "model": request.model,
        "model_arguments": request.model_arguments,
        "recipe": recipe.name,
        "recipe_arguments": {
            k: v for k, v in changed.items() if k not in (*RECIPE_OPTIONS, "model_arguments")
        },
        **{name: used[name] for name in RECIPE_OPTIONS if used[name] is not None},
        **{name: getattr(request, name) for name in ("seed", "engine", "precision", "device")},
    }
    return _command(request, values)


def step_command(record: RunRecord, step: NextStep) -> str | None:
    """Return the command for the next step after a run; None if it cannot be typed."""
    if step.checks_data:
        return check_command(record)
    if not step.options:
        return None
    request = next_request(record.given, record, step)
    if isinstance(request.recipe, Recipe) or not _is_typeable(request):
        return None
    values = {
        each.name: getattr(request, each.name)
        for each in option_fields(TrainRequest)
        if each.name in request.model_fields_set - {"out"}
        and each.option.on_resume != "free"  # neither weights nor scores depend on those
    }
    return _command(request, values)


def next_request(request: TrainRequest, record: RunRecord, step: NextStep) -> TrainRequest:
    """Return the request for a next step that has options, from that of the run before."""
    options = dict(step.options)
    if "recipe" in options:  # with its own values of everything but the number of images
        limits = {name: getattr(record.request.recipe, name) for name in _LIMITS}
        cleared = {k: None for k in RECIPE_OPTIONS if k in request.model_fields_set}
        request = request.model_copy(
            update={**cleared, **limits, "recipe_arguments": {}, "model_arguments": {}}
        )
    is_same_model = options.get("model", record.request.model) == record.request.model
    for name, earlier in (
        ("model_arguments", record.request.model_arguments if is_same_model else {}),
        ("recipe_arguments", request.recipe_arguments),
    ):
        if earlier or name in options:
            options[name] = {**earlier, **options.get(name, {})}
    return request.model_copy(update=options)


def check_command(record: RunRecord) -> str | None:
    """Return the command that checks a run's images; None for images from Python."""
    request = record.request
    if request.source == ARRAYS:
        return None
    words = ["clearsight", "data", "check", request.source]
    return shlex.join([*words, *request.source_options.command_words])


def _is_typeable(request: TrainRequest) -> bool:
    """Whether source and model can be named on the command line."""
    model = request.model
    is_name = model is None or (
        isinstance(model, str)
        and (model in FAMILIES or model.endswith(".keras") or ".py:" in model)
    )
    return is_name and request.source != ARRAYS


def _command(request: TrainRequest, values: dict[str, Any]) -> str:
    words = ["clearsight", "train", str(request.source)]
    for name, value in values.items():
        words += flag_words(name, value, TrainRequest)
    return shlex.join([*words, *request.source_options.command_words])
