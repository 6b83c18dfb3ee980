"""The reference job of the lesson."""

from clearsight.training.recipe import Recipe

LESSON = Recipe(
    name="lesson",
    summary="the lesson's job: 15,000 images, Adam 0.001, 10 epochs of batches of 64",
    train_limit=15_000,
    test_limit=3_000,
)
