"""The second exercise: the first convolution without padding."""

from __future__ import annotations

from clearsight.run.exercises.exercise import Exercise

EXERCISE = Exercise(
    "padding",
    "The first convolution is now 'valid': it gets no zeros around the image of 28x28x1. "
    "Predict what each layer gives.",
    {"padding": ("valid", "same")},
)
