"""Which pictures a run takes: loaded, limited, split, and known again later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.imageset import ImageSet, Splits
from clearsight.data.sources import find_source
from clearsight.data.split import ValidationSplit, validation_split_of
from clearsight.errors import DataError
from clearsight.run.request import TrainRequest
from clearsight.training.recipe import Recipe


def load_splits(source: Any, data_dir: str | Path | None) -> Splits:
    """Return the pictures of a source's name, an `ImageSet` or `Splits`."""
    if isinstance(source, Splits):
        return source
    if isinstance(source, ImageSet):
        return Splits(source)
    return find_source(source).load(Path(data_dir) if data_dir is not None else None)


def limited(splits: Splits, recipe: Recipe) -> Splits:
    """Keep the first pictures of each part, as many as the recipe takes."""
    test = splits.test.first(recipe.test_limit) if splits.test is not None else None
    return Splits(splits.train.first(recipe.train_limit), test)


def requested_splits(request: TrainRequest, recipe: Recipe) -> tuple[Splits, list[str]]:
    """Load the pictures of a request, and say what the user should know of them.

    Raises:
        DataError: when they cannot be had.
    """
    everything = load_splits(request.source, request.data_dir)
    splits = limited(everything, recipe)
    notes = [
        f"{request.source_name} has {len(found):,} {part} pictures, fewer than the {asked:,} asked "
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
            f"The first {len(splits.train):,} training pictures hold none of {names}: the network "
            "cannot learn what it never sees. Take more, or shuffle them first."
        )
    if splits.test is None:
        notes.append("There are no test pictures, so there will be no test score.")
    return splits, notes


def split_for_validation(train: ImageSet, recipe: Recipe, seed: int) -> ValidationSplit:
    """Choose the validation pictures as the recipe says.

    Raises:
        DataError: when no pictures are left on one side.
    """
    split = validation_split_of(
        train.labels, recipe.validation_split, recipe.validation_method, seed
    )
    if not len(split.train) or not len(split.validation):
        raise DataError(
            f"There should be training and validation pictures, but of {len(train):,} pictures a "
            f"validation_split of {recipe.validation_split} leaves {len(split.train):,} and "
            f"{len(split.validation):,}: give more pictures or another --validation-split."
        )
    return split
