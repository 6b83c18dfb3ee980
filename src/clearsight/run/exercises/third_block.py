"""The third exercise: one block more, and whether it helps."""

from __future__ import annotations

from clearsight.run.exercises.exercise import Exercise

EXERCISE = Exercise(
    "third-block",
    "A third block, a convolution of 64 filters and a pooling, stands before Flatten. Images are "
    "28x28x1. Predict what each layer gives; then both networks are trained.",
    {"num_blocks": 3},
    trains=True,
)
