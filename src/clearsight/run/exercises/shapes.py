"""The first exercise: the shapes of the lesson's network, by hand."""

from __future__ import annotations

from clearsight.run.exercises.exercise import Exercise

EXERCISE = Exercise(
    "shapes",
    "The lesson's network gets images of 28x28x1. Predict what each layer gives.",
)
