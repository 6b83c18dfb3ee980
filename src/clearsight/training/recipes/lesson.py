"""The reference job of the lesson."""

from clearsight.training.recipe import Recipe

LESSON = Recipe(
    name="lesson",
    summary="the lesson's network, trained with Adam as in the lesson",
    train_limit=15_000,
    test_limit=3_000,
)
