"""Holding answers against the built network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from clearsight.errors import RequestError
from clearsight.run.exercises.answer import divided, read_count, read_shape
from clearsight.run.exercises.exercise import Checked, Question


def checked(question: Question, text: str) -> Checked:
    """Hold one answer against the built network; what cannot be read says so in `problem`."""
    read = read_shape if question.asked == "output_shape" else read_count
    try:
        return Checked(question, read(text))
    except ValueError as error:
        return Checked(question, None, str(error))


def all_checked(questions: Sequence[Question], text: str) -> tuple[Checked, ...]:
    """Hold answers to all questions, given in one text, against the built network.

    Answers that are absent, or that cannot be read, are misses.

    Raises:
        RequestError: when none can be read, or there are more than questions.
    """
    answers = divided(text)
    if len(answers) > len(questions):
        raise RequestError(
            f"--answers should hold {len(questions)} answers, but holds {len(answers)}: write "
            "shapes as 28x28x32 or (28, 28, 32), counts without commas, and a comma or a new line "
            "between two answers."
        )
    found = [
        checked(question, answer) for question, answer in zip(questions, answers, strict=False)
    ]
    if all(each.given is None for each in found):
        first = f" {found[0].problem}" if found else ""
        raise RequestError(
            f"--answers should hold {len(questions)} answers, but none can be read.{first}"
        )
    missing = [Checked(question, None) for question in questions[len(found) :]]
    return (*found, *missing)


def text_of_answers(given: str) -> str:
    """Return answers themselves, from the file that `given` names or from `given`.

    Raises:
        RequestError: when the file cannot be read.
    """
    if not os.path.isfile(given):  # False also for what no system takes as a name
        return given
    try:
        return Path(given).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"{given} should be a text file with answers, but cannot be read: {error}."
        ) from error
