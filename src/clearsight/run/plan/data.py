"""Reading the data of a run: images loaded, limited, split and checked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from clearsight.data.decoding.workers import ShowProgress, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.data.splits.held_out_test import check_no_own_part
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit, choose_validation_split
from clearsight.errors import DataError
from clearsight.evaluation.scores.guessing import guessing_accuracy, guessing_loss
from clearsight.option_names import option
from clearsight.run.plan.resolve import ResolvedOptions
from clearsight.training.examples import Examples
from clearsight.training.fit import FitData, encode_targets
from clearsight.training.recipe import Recipe

_MAX_DEVIATION = 0.3  # of the validation images asked for, without a note


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The images of a run.

    Attributes:
        splits: all of them, limits applied.
        split: which of them are for training and which for validation.
        decisions: sentences about what was decided when they were read, and why.
        notes: other sentences about them that the user should read.
    """

    splits: Splits
    split: ValidationSplit
    decisions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def num_train(self) -> int:
        """How many images are trained on."""
        return len(self.split.train)

    @property
    def num_validation(self) -> int:
        """How many images are validated on."""
        return len(self.split.validation)

    @property
    def train_guessing_accuracy(self) -> float:
        """Accuracy of always predicting the most common class, on the images trained on."""
        return guessing_accuracy(self.splits.train.labels[self.split.train])

    @property
    def val_guessing_accuracy(self) -> float:
        """Accuracy of always predicting the most common class, on the validation images."""
        return guessing_accuracy(self.held_out.labels[self.split.validation])

    def guessing_loss(self, label_smoothing: float) -> float:
        """Return the loss, in nats, of always predicting how frequent the classes are.

        It is measured on the images that are trained on.
        """
        train = self.splits.train
        counts = np.bincount(train.labels[self.split.train], minlength=train.num_classes)
        return guessing_loss(counts / counts.sum(), label_smoothing)

    @property
    def held_out(self) -> ImageSet:
        """The part of the source that the validation images are in."""
        return self.splits.validation or self.splits.train

    def split_notes(self, asked: float) -> list[str]:
        """Return a note if a stratified split holds out far more or fewer images than requested."""
        num_images = self.num_train + self.num_validation
        expected = asked * num_images
        if self.split.method != "stratified" or abs(self.num_validation - expected) <= max(
            _MAX_DEVIATION * expected, 1
        ):
            return []
        return [
            f"{self.num_validation:,} of {num_images:,} training images "
            f"({self.num_validation / num_images:.0%}) are held out for validation, not "
            f"{asked:.0%}, because every class needs an image on both sides and groups stay "
            f"together: add images, or change {option('validation_split')}."
        ]

    def validation_images(self, most: int | None = None) -> ImageSet:
        """Return the validation images, or at most that many of them, evenly spaced."""
        rows = self.split.validation
        return self.held_out.take(rows if most is None else rows[evenly_spaced(len(rows), most)])

    def fit_data(self, recipe: Recipe, divisor: float) -> FitData:
        """Return the images with targets of the form that the recipe needs, for Keras's `fit`.

        Pixel values are divided by `divisor`.
        """

        def examples(images: ImageSet, rows: np.ndarray) -> Examples:
            targets = encode_targets(images.labels[rows], images.num_classes, recipe)
            return Examples(images.images, rows, targets, divisor)

        return FitData(
            train=examples(self.splits.train, self.split.train),
            validation=examples(self.held_out, self.split.validation),
        )


def read_data(
    resolved: ResolvedOptions,
    show_progress: ShowProgress = silent,
    loaded: Splits | None = None,
) -> TrainingData:
    """Load the images of a request, unless they are `loaded` already, and limit and split them.

    Raises:
        DataError: when they cannot be loaded, none are left on one side of the split, or a part is
            to be held out that the source has.
    """
    request, recipe = resolved.request, resolved.recipe
    if loaded is None:
        loaded = (
            request.source
            if isinstance(request.source, Splits)
            else load_splits(request.source, request.source_options, show_progress)
        )
    asked_for = request.recipe_arguments.get("validation_split", request.validation_split)
    num_own = len(loaded.validation) if loaded.validation is not None else 0
    check_no_own_part("validation", num_own, asked_for, request.source_name)
    data = split_data(loaded, recipe, request.seed)
    decisions = [*loaded.load_report.decisions, *filter(None, [data.split.warning])]
    return replace(data, decisions=tuple(decisions), notes=tuple(_notes(loaded, resolved)))


def split_data(splits: Splits, recipe: Recipe, seed: int) -> TrainingData:
    """Limit images as the recipe says, and choose the validation images; `seed` shuffles them.

    Raises:
        DataError: when no images are left on one side.
    """
    splits = limit(splits, recipe)
    train = splits.train
    if splits.validation is not None:
        own = np.arange(len(splits.validation))
        return TrainingData(splits, ValidationSplit(np.arange(len(train)), own, "own"))
    split = choose_validation_split(
        train.labels, recipe.validation_split, recipe.validation_method, seed, train.groups
    )
    if not len(split.train) or not len(split.validation):
        raise DataError(
            f"There should be training and validation images, but of {len(train):,} images a "
            f"validation_split of {recipe.validation_split} leaves {len(split.train):,} and "
            f"{len(split.validation):,}: add images or change "
            f"{option('validation_split')}."
        )
    return TrainingData(splits, split)


def limit(splits: Splits, recipe: Recipe) -> Splits:
    """Keep the first images of each part, as many as the recipe takes."""
    test = splits.test.first(recipe.test_limit) if splits.test is not None else None
    return replace(splits, train=splits.train.first(recipe.train_limit), test=test)


def _notes(loaded: Splits, resolved: ResolvedOptions) -> Iterator[str]:
    """Yield what the user should know about the images of a request."""
    request, recipe, given = resolved.request, resolved.recipe, resolved.given_recipe_options
    yield from loaded.load_report.remarks
    for part, limited, images in (
        ("training", "train_limit", loaded.train),
        ("test", "test_limit", loaded.test),
    ):
        asked = getattr(recipe, limited) if limited in given else None
        if asked is not None and images is not None and asked > len(images):
            yield (
                f"{request.source_name} has {len(images):,} {part} images, fewer than the "
                f"{asked:,} requested: all of them are used."
            )
    train = limit(loaded, recipe).train
    lost = np.flatnonzero((train.class_counts == 0) & (loaded.train.class_counts > 0))
    if len(lost):
        names = ", ".join(f"'{train.class_names[label]}'" for label in lost)
        yield (
            f"The first {len(train):,} training images contain none of {names}, so the network "
            f"cannot learn these classes: raise {option('train_limit')}, or shuffle the "
            "images first."
        )
    if loaded.test is None:
        yield "There are no test images, so there will be no test score."
    if loaded.validation is not None and "validation_method" in given:
        yield (
            f"{request.source_name} has its own {len(loaded.validation):,} validation images, so "
            "validation_method changes nothing."
        )
