"""Which images a run takes: loaded, limited, divided, and known again later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearsight.data.decoding.decode import ShowProgress, silent
from clearsight.data.sources.load import load_splits
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit, choose_validation_split
from clearsight.errors import DataError
from clearsight.run.request import TrainRequest
from clearsight.training.recipe import Recipe

_MOST_EPOCHS = 60  # more of the same few images teach little but to know them by heart


def limited(splits: Splits, recipe: Recipe) -> Splits:
    """Keep the first images of each part, as many as the recipe takes."""
    test = splits.test.first(recipe.test_limit) if splits.test is not None else None
    return replace(splits, train=splits.train.first(recipe.train_limit), test=test)


def requested_splits(
    request: TrainRequest,
    recipe: Recipe,
    show_progress: ShowProgress = silent,
    loaded: Splits | None = None,
) -> tuple[Splits, list[str]]:
    """Load the images of a request unless they are, and say what the user should know of them.

    Raises:
        DataError: when they cannot be had.
    """
    source = request.source
    if loaded is not None:
        everything = loaded
    elif isinstance(source, Splits):
        everything = source
    else:
        everything = load_splits(source, request.source_options, show_progress)
    splits = limited(everything, recipe)
    notes = [*everything.load_report.sentences] + [
        f"{request.source_name} has {len(found):,} {part} images, fewer than the {asked:,} asked "
        "for: all of them are used."
        for part, asked, found in (
            ("training", request.train_limit, everything.train),
            ("test", request.test_limit, everything.test),
        )
        if asked is not None and found is not None and asked > len(found)
    ]
    counts = splits.train.class_counts
    lost = np.flatnonzero((counts == 0) & (everything.train.class_counts > 0))
    if len(lost):
        names = ", ".join(f"'{splits.train.class_names[label]}'" for label in lost)
        notes.append(
            f"The first {len(splits.train):,} training images hold none of {names}: the network "
            "cannot learn what it never sees. Take more, or shuffle them first."
        )
    if splits.test is None:
        notes.append("There are no test images, so there will be no test score.")
    if splits.validation is not None and request.validation_split is not None:
        notes.append(
            f"{request.source_name} brings its own {len(splits.validation):,} validation images, "
            "so no others are held out and validation_split is not used."
        )
    return splits, notes


def with_enough_steps(recipe: Recipe, num_train: int) -> tuple[Recipe, list[str]]:
    """Give a recipe more epochs where so few images would make too few steps, and say so.

    Args:
        recipe: its epochs are meant for more images.
        num_train: how many there are to train on.
    """
    steps_an_epoch = -(-num_train // recipe.batch_size)
    enough = min(-(-recipe.min_steps // steps_an_epoch), _MOST_EPOCHS)
    if enough <= recipe.epochs:
        return recipe, []
    return recipe.replace(epochs=enough), [
        f"With {num_train:,} images to train on, the {recipe.epochs} epochs of '{recipe.name}' "
        f"would be only {recipe.epochs * steps_an_epoch:,} steps: {enough} are done instead; "
        "--epochs says otherwise."
    ]


def split_for_validation(splits: Splits, recipe: Recipe, seed: int) -> ValidationSplit:
    """Choose the validation images as the recipe says, or take those that the source brings.

    Raises:
        DataError: when no images are left on one side.
    """
    train = splits.train
    if splits.validation is not None:
        own = np.arange(len(splits.validation))
        return ValidationSplit(np.arange(len(train)), own, "own")
    split = choose_validation_split(
        train.labels, recipe.validation_split, recipe.validation_method, seed, train.groups
    )
    if not len(split.train) or not len(split.validation):
        raise DataError(
            f"There should be training and validation images, but of {len(train):,} images a "
            f"validation_split of {recipe.validation_split} leaves {len(split.train):,} and "
            f"{len(split.validation):,}: give more images or another --validation-split."
        )
    return split
