"""`Attempt`: the answers to an exercise, checked, and what is shown about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clearsight.models.comparison import TraceComparison
from clearsight.run.exercises.answer import CheckedAnswer
from clearsight.run.exercises.exercise import Exercise, Question
from clearsight.run.exercises.trial import Trial


@dataclass(frozen=True)
class Attempt:
    """The answers to an exercise.

    Attributes:
        exercise: what was asked about.
        questions: all of them.
        checked: the answers, in the order of the questions; empty if none were given.
        trial: the comparison of both networks, if they were trained.
    """

    exercise: Exercise
    questions: tuple[Question, ...]
    checked: tuple[CheckedAnswer, ...] = ()
    trial: Trial | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every question was answered or given up."""
        return len(self.checked) == len(self.questions)

    @property
    def num_correct(self) -> int:
        """How many answers are correct."""
        return sum(each.is_correct for each in self.checked)

    @property
    def score(self) -> str:
        """How many answers are correct, in a sentence."""
        return f"{self.num_correct} of {len(self.checked)} correct."

    @cached_property
    def changes(self) -> TraceComparison | None:
        """The lesson's network compared with the exercise's; None if they are the same."""
        return self.exercise.changes()

    @property
    def question_lines(self) -> list[str]:
        """The task and all questions, and how to answer."""
        name = self.exercise.name
        lines = [self.exercise.task]
        lines += [f"{number}. {each.text}" for number, each in enumerate(self.questions, 1)]
        how = f'clearsight.exercise("{name}", answers=[...])'
        return [*lines, f"Answer in this order, shapes as (28, 28, 1), numbers as 10: {how}"]

    @property
    def answer_lines(self) -> list[str]:
        """The task, and each question with whether its answer is correct, and why not."""
        lines = [self.exercise.task]
        for each in self.checked:
            lines += [each.question.text, f"    {each.sentence}"]
        return lines

    def score_lines(self, columns: int | None = 80) -> list[str]:
        """Return how many answers are correct, and how the exercise's network differs.

        Tables have at most that many columns, or any number.
        """
        if self.changes is None:
            return [self.score]
        heading = "The lesson's network (first) and this one (second):"
        return [self.score, "", heading, "", *self.changes.table.text(columns or 80).split("\n")]

    def trial_lines(self, columns: int | None = 80) -> Iterator[str]:
        """Iterate over what the comparison of the trained networks shows; as `score_lines`."""
        if self.trial is None:
            return
        titles = ("The lesson's network", "This network")
        for title, runs in zip(titles, (self.trial.lesson, self.trial.other), strict=True):
            yield from ("", f"{title}, {runs.path}:", *runs.table.lines(columns), *runs.sentences)
        yield from ("", *self.trial.sentences)

    def __repr__(self) -> str:
        score = self.score if self.checked else f"{len(self.questions)} questions."
        return f"Attempt({self.exercise.name}: {score})"

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        values = {
            "exercise": self.exercise.name,
            "questions": [each.to_json() for each in self.checked],
            "num_correct": self.num_correct,
            "num_questions": len(self.questions),
            "changes": None if self.changes is None else self.changes.to_json(),
        }
        return values if self.trial is None else {**values, "trial": self.trial.to_json()}
