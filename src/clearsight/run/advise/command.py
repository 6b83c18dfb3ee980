"""The command line that repeats a run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from clearsight.data.sources.load import SOURCES, default_recipe
from clearsight.data.sources.options import SourceOptions
from clearsight.models.zoo import FAMILIES
from clearsight.run.advise.next_step import NextStep
from clearsight.run.request import OVERRIDES
from clearsight.run.store.record import RunRecord
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import RECIPES

Options = list[tuple[str, Any]]


def repeat_command(record: RunRecord) -> str | None:
    """Return what to type to make a run again, every value named; None where nothing can be typed.

    Runs on arrays, with a recipe of another name or on a model object came from Python.

    Args:
        record: of the run.
    """
    recipe = _typed_recipe(record)
    if recipe is None:
        return None
    changed = _changed(record, recipe)
    options: Options = [("model", record.model), *_model_arguments(record.model_arguments)]
    options += [("recipe", recipe.name)]
    options += _recipe_values({k: v for k, v in changed.items() if k not in OVERRIDES})
    options += _recipe_values({k: getattr(record.recipe, k) for k in OVERRIDES})
    options += [(name, getattr(record, name)) for name in ("seed", "engine", "precision", "device")]
    return _train_command(record, options)


def brief_command(record: RunRecord) -> str | None:
    """Return what to type to make a run anew, only what differs from the defaults being named.

    Args:
        record: of the run.

    Returns:
        None where nothing can be typed; see `repeat_command`.
    """
    recipe = _typed_recipe(record)
    if recipe is None:
        return None
    is_recipes_model = record.model == recipe.model
    known = recipe.model_arguments if is_recipes_model else {}
    own = recipe if record.source in SOURCES else recipe.without_limits()
    options: Options = [] if is_recipes_model else [("model", record.model)]
    options += _model_arguments(
        {k: v for k, v in record.model_arguments.items() if known.get(k) != v}
    )
    options += [("recipe", recipe.name)] if recipe.name != default_recipe(record.source) else []
    options += _recipe_values(_changed(record, own))
    options += [("seed", record.seed)] if record.seed else []
    options += [("engine", record.engine)] if record.engine != "clearsight" else []
    return _train_command(record, options)


def _typed_recipe(record: RunRecord) -> Recipe | None:
    """Return the named recipe that a run began with; None where its command cannot be typed."""
    is_typed = record.model in FAMILIES or record.model.endswith(".keras") or ".py:" in record.model
    return RECIPES.get(record.recipe.name) if is_typed and record.source != "arrays" else None


def _changed(record: RunRecord, recipe: Recipe) -> dict[str, Any]:
    """Return the values of a run's recipe that are not the named recipe's."""
    used = record.recipe.model_dump()
    return {name: used[name] for name, value in recipe.model_dump().items() if used[name] != value}


def _model_arguments(arguments: dict[str, Any]) -> Options:
    return [("model-arg", _argument(name, value)) for name, value in arguments.items()]


def _recipe_values(values: dict[str, Any]) -> Options:
    """Put values of a recipe into options: their own where they have one, which takes no None."""
    return [
        (name, value) if name in OVERRIDES else ("recipe-arg", _argument(name, value))
        for name, value in values.items()
        if name not in OVERRIDES or value is not None
    ]


def _train_command(record: RunRecord, options: Options) -> str:
    words = ["clearsight", "train", record.source]
    for name, value in options:
        words += [_option(name), f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, *source_words(record.source_options)])


def step_command(record: RunRecord, step: NextStep) -> str | None:
    """Return what to type for the next step after a run; None where nothing can be typed.

    Args:
        record: of the run.
        step: what to try.
    """
    if step.checks_data:
        return check_command(record)
    options = dict(step.options)
    if record.source == "arrays" or not options:
        return None
    if "recipe" in options:  # with its own values of everything but the images
        limits = {name: getattr(record.recipe, name) for name in ("train_limit", "test_limit")}
        given = {"seed": record.seed, **limits, **options}
        return _train_command(record, [(k, v) for k, v in given.items() if v is not None])
    model = options.pop("model", record.model)
    own = record.model_arguments if model == record.model else {}
    arguments = {**own, **options.pop("model_arguments", {})}
    recipe = record.recipe.replace(**options.pop("recipe_arguments", {}), **options)
    changes = {"model": model, "model_arguments": arguments, "recipe": recipe}
    return brief_command(record.model_copy(update=changes))


def check_command(record: RunRecord) -> str | None:
    """Return what to type to look at a run's images; None for images from Python."""
    if record.source == "arrays":
        return None
    words = ["clearsight", "data", "check", record.source]
    return shlex.join([*words, *source_words(record.source_options)])


def source_words(options: SourceOptions) -> list[str]:
    """Return the words that say how a source is read, only those that are not the defaults."""
    return list(_source_words(options))


def _source_words(options: SourceOptions) -> Iterator[str]:
    for name, field in SourceOptions.model_fields.items():
        value = getattr(options, name)
        if value == field.default:
            continue
        yield _option(name)
        if name == "image_size":
            yield ",".join(map(str, value))
        elif value is not True:
            yield str(value)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _argument(name: str, value: Any) -> str:
    return f"{name}={value if isinstance(value, str) else json.dumps(value)}"
