"""Options of a recipe that change nothing, or not what was meant, on the data at hand."""

from collections.abc import Collection, Iterator

from clearsight.option_names import option
from clearsight.training.recipe import USED_ONLY_WITH, Recipe


def option_notes(
    recipe: Recipe,
    given: Collection[str],
    image_shape: tuple[int, int, int],
    num_train: int,
    class_names: Collection[str],
) -> Iterator[str]:
    """Yield a sentence for each option that changes nothing, or hardly what was meant.

    Args:
        recipe: with all its values settled.
        given: names of the options that the user set.
        image_shape: height, width and channels.
        num_train: how many images are trained on.
        class_names: of all classes.

    Example:
        >>> lesson = Recipe(name="lesson", summary="", momentum=0.5)
        >>> next(option_notes(lesson, ["momentum"], (28, 28, 1), 1_000, ["cat", "dog"]))[:44]
        'momentum is only used with optimizer=muon, s'
    """
    for name, (other, choice) in USED_ONLY_WITH.items():
        if name in given and getattr(recipe, other) != choice:
            yield (
                f"{name} is only used with {other}={choice}, so it changes nothing here: set "
                f"{option('recipe_arguments', {other: choice})}, or leave it out."
            )
    if {"min_steps", "epochs"} <= set(given):
        yield "min_steps changes nothing if the number of epochs is set: leave one of them out."
    if "patience" in given and recipe.patience >= recipe.epochs:
        yield (
            f"A patience of {recipe.patience} epochs cannot end a training of {recipe.epochs} "
            "epochs early; the best epoch's weights are kept all the same."
        )
    if recipe.batch_size > num_train:
        yield (
            f"A batch of {recipe.batch_size:,} images is larger than the training set "
            f"({num_train:,}), so each epoch is a single step: lower "
            f"{option('batch_size')} for more steps."
        )
    yield from _notes_on_small_images(recipe, image_shape)
    yield from _notes_on_mirroring(recipe, image_shape[1], class_names)


def _notes_on_small_images(recipe: Recipe, image_shape: tuple[int, int, int]) -> Iterator[str]:
    """Yield a sentence for each change of images that leaves little of images this small."""
    height, width, _ = image_shape
    side = min(height, width)
    for name, limit, effect in (
        ("translate_pixels", side / 2, "moves half of an image or more out of the frame"),
        ("cutout_pixels", side, "can blacken an image completely"),
        ("shift_at_test", side / 2, "averages predictions over images shifted by half or more"),
    ):
        value = getattr(recipe, name)
        if value and value >= limit:
            yield (
                f"{name}={value} {effect}, because images are {height}x{width}: set "
                f"{option('recipe_arguments', {name: 0})}."
            )


def _notes_on_mirroring(recipe: Recipe, width: int, class_names: Collection[str]) -> Iterator[str]:
    if recipe.flip_at_test and recipe.flip == "none":
        yield (
            "Predictions are averaged with those of mirror images, on which the network is not "
            f"trained: set {option('recipe_arguments', {'flip': 'alternating'})}, or "
            f"{option('recipe_arguments', {'flip_at_test': False})}."
        )
    if recipe.flip == "none":
        return
    if width == 1:
        yield "Images are one pixel wide, so mirroring them left to right changes nothing."
    elif all(len(name) == 1 for name in class_names):
        unmirrored = {"flip": "none", "flip_at_test": False}
        yield (
            f"The recipe '{recipe.name}' mirrors images left to right, but the classes "
            f"({', '.join(list(class_names)[:3])}, ...) look like characters, of which left and "
            f"right matter: set {option('recipe_arguments', unmirrored)}, or use "
            f"another recipe, e.g. {option('recipe', 'lesson')}."
        )
