"""The one table of exercises. To add one: a file beside this one and a row here."""

from __future__ import annotations

from clearsight.run.exercises import padding, shapes, third_block
from clearsight.run.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (shapes.EXERCISE, padding.EXERCISE, third_block.EXERCISE)
}
