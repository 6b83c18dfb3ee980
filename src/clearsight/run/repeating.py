"""The command line that repeats a run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from clearsight.data.options import SourceOptions
from clearsight.data.sources import SOURCES, recipe_of
from clearsight.models.zoo import FAMILIES
from clearsight.run.folder import RunRecord
from clearsight.run.next_step import NextStep
from clearsight.run.request import OVERRIDES
from clearsight.training.recipes import RECIPES


def repeat_command(record: RunRecord) -> str | None:
    """Return what to type to make a run again, every value named; None where nothing can be typed.

    Runs on arrays, with a recipe of another name or on a model object came from Python.

    Args:
        record: of the run.
    """
    recipe = RECIPES.get(record.recipe.name)
    is_typed = record.model in FAMILIES or record.model.endswith(".keras") or ".py:" in record.model
    if record.source == "arrays" or recipe is None or not is_typed:
        return None
    used = record.recipe.model_dump()
    changed = {
        name: used[name] for name, value in recipe.model_dump().items() if used[name] != value
    }
    asked = {name: used[name] for name in OVERRIDES}
    others = {name: value for name, value in changed.items() if name not in OVERRIDES}
    options: list[tuple[str, Any]] = [("model", record.model)]
    options += [("model-arg", _argument(*pair)) for pair in record.model_arguments.items()]
    options += [("recipe", recipe.name)]
    options += [("recipe-arg", _argument(*pair)) for pair in others.items()]
    options += [(name, value) for name, value in asked.items() if value is not None]
    options += [(name, getattr(record, name)) for name in ("seed", "engine", "precision", "device")]
    words = ["clearsight", "train", record.source]
    for name, value in options:
        words += [_option(name), f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, *source_words(record.source_options)])


def brief_command(record: RunRecord) -> str | None:
    """Return what to type to make a run anew, only what differs from the defaults being named.

    Args:
        record: of the run.

    Returns:
        None where nothing can be typed; see `repeat_command`.
    """
    if repeat_command(record) is None:
        return None
    recipe = RECIPES[record.recipe.name]
    own = recipe if record.source in SOURCES else recipe.changed_for_own_pictures()
    used = record.recipe.model_dump()
    changed = {name: used[name] for name, value in own.model_dump().items() if used[name] != value}
    options: list[tuple[str, Any]] = []
    if record.model != recipe.model:
        options.append(("model", record.model))
    arguments = recipe.model_arguments if record.model == recipe.model else {}
    options += [
        ("model-arg", _argument(name, value))
        for name, value in record.model_arguments.items()
        if arguments.get(name) != value
    ]
    if recipe.name != recipe_of(record.source):
        options.append(("recipe", recipe.name))
    options += [
        (name, value) if name in OVERRIDES else ("recipe-arg", _argument(name, value))
        for name, value in changed.items()
    ]
    options += [("seed", record.seed)] if record.seed else []
    options += [("engine", record.engine)] if record.engine != "clearsight" else []
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
    if "recipe" in options:  # with its own values of everything but the pictures
        limits = {name: getattr(record.recipe, name) for name in ("train_limit", "test_limit")}
        words = ["clearsight", "train", record.source, "--seed", str(record.seed)]
        for name, value in {**limits, **options}.items():
            words += [_option(name), str(value)] if value is not None else []
        return shlex.join([*words, *source_words(record.source_options)])
    model = options.pop("model", record.model)
    own = record.model_arguments if model == record.model else {}
    arguments = {**own, **options.pop("model_arguments", {})}
    recipe = record.recipe.changed(**options.pop("recipe_arguments", {}), **options)
    changes = {"model": model, "model_arguments": arguments, "recipe": recipe}
    return brief_command(record.model_copy(update=changes))


def check_command(record: RunRecord) -> str | None:
    """Return what to type to look at a run's pictures; None for pictures from Python."""
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
