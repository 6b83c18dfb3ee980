"""Reading answers, shapes and counts as people write them, and checking them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.errors import RequestError, describe_found
from clearsight.models.table import format_shape
from clearsight.option_names import option
from clearsight.run.exercises.exercise import Answer, Question

_BETWEEN = r"(?:\s*[x×X*,]\s*|\s+)"
_NUMBER = r"[0-9]{1,12}"
_SHAPE = re.compile(
    rf"[(\[]?\s*(?:None{_BETWEEN})?({_NUMBER}(?:{_BETWEEN}{_NUMBER})*)\s*,?\s*[)\]]?"
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:[,_ ][0-9]{3})+")
_BETWEEN_ANSWERS = re.compile(r",(?![^(\[]*[)\]])")  # commas outside brackets


@dataclass(frozen=True)
class CheckedAnswer:
    """An answer, compared with the built network.

    Attributes:
        question: what was asked.
        given: the answer; None if there is none, or it cannot be read.
        problem: why it cannot be read, in a sentence; else "".
    """

    question: Question
    given: Answer | None
    problem: str = ""

    @property
    def is_correct(self) -> bool:
        """Whether the answer is what the network has."""
        return self.given == self.question.expected

    @property
    def sentence(self) -> str:
        """Whether it is correct, and if not, how the correct answer is worked out."""
        expected = _format(self.question.expected)
        if self.is_correct:
            return f"Correct: {expected}"
        explanation = self.question.explanation
        if self.given is None:
            return f"{self.problem or 'No answer.'} The answer is {expected}: {explanation}"
        return f"Not quite; the answer is {expected}, not {_format(self.given)}: {explanation}"

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "layer": self.question.layer.name,
            "layer_type": self.question.layer.layer_type,
            "quantity": self.question.quantity,
            "given": None if self.given is None else list(self.given),
            "expected": list(self.question.expected),
            "is_correct": self.is_correct,
            "explanation": self.sentence,
        }


def check_answer(question: Question, text: str) -> CheckedAnswer:
    """Read and check one answer; if it cannot be read, `CheckedAnswer.problem` says why."""
    parse = parse_shape if question.quantity == "output_shape" else parse_count
    try:
        return CheckedAnswer(question, parse(text))
    except ValueError as error:
        return CheckedAnswer(question, None, str(error))


GivenAnswer = int | str | Sequence[int | None] | None


def check_answers(
    questions: Sequence[Question], given: str | Sequence[GivenAnswer]
) -> tuple[CheckedAnswer, ...]:
    """Read and check answers to all questions; missing and unreadable ones count as wrong.

    Args:
        questions: in the order of the answers.
        given: the answers: in a text, in the text file of that path, or one by one, each a number,
            a shape, or a text that is one of these.

    Raises:
        RequestError: when the file cannot be read, no answer can be read, or there are more
            answers than questions.
    """
    if not isinstance(given, str | tuple | list):
        raise RequestError(
            f"{option('answers')} should be a list of shapes and numbers, a text of them or a text "
            f"file, but is {describe_found(given)}."
        )
    answers = _read_answers(given) if isinstance(given, str) else [_as_text(one) for one in given]
    if len(answers) > len(questions):
        raise RequestError(
            f"{option('answers')} should hold {len(questions)} answers, but holds {len(answers)}: "
            "write shapes as 28x28x32 or (28, 28, 32), counts without commas, and a comma or a "
            "new line between two answers."
        )
    checked = [check_answer(*pair) for pair in zip(questions, answers, strict=False)]
    if all(each.given is None for each in checked):
        first = f" {checked[0].problem}" if checked else ""
        raise RequestError(
            f"{option('answers')} should hold {len(questions)} answers, but none can be read."
            f"{first}"
        )
    missing = [CheckedAnswer(question, None) for question in questions[len(checked) :]]
    return (*checked, *missing)


def _read_answers(given: str) -> list[str]:
    text = given
    if os.path.isfile(given):  # False also for text that no system takes as a path
        try:
            text = Path(given).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(
                f"{given} should be a text file with answers, but cannot be read: {error}."
            ) from error
    return split_answers(text)


def _as_text(answer: Any) -> str:
    """Return an answer from Python as it would be typed; "" for None."""
    if answer is None:
        return ""
    is_number = hasattr(answer, "__index__") and not getattr(answer, "ndim", 0)
    if not (is_number or isinstance(answer, str | tuple | list)):
        raise RequestError(
            f"Each answer should be a shape, a number or text, but one is {describe_found(answer)}."
        )
    if isinstance(answer, (tuple, list)):
        return f"({', '.join(map(str, answer))})"
    return str(answer)


def parse_shape(text: str) -> Answer:
    """Parse a shape: "28x28x32", "(28, 28, 32)", "(None, 3136)", "128".

    Raises:
        ValueError: with a sentence, when it is none.

    Example:
        >>> parse_shape("(28, 28, 32)")
        (28, 28, 32)
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            "A shape should look like 28x28x32 or (28, 28, 32), or be one number for a vector, but "
            f"is '{text.strip()}'."
        )
    return tuple(int(number) for number in re.findall(_NUMBER, found.group(1)))


def parse_count(text: str) -> Answer:
    """Parse a number of parameters: "320", "401,408".

    Raises:
        ValueError: with a sentence, when it is none.

    Example:
        >>> parse_count("401,408")
        (401408,)
    """
    plain = text.strip()
    if _THOUSANDS.fullmatch(plain):
        plain = re.sub("[,_ ]", "", plain)
    if not re.fullmatch(_NUMBER, plain):
        raise ValueError(
            f"A number of parameters should be a whole number such as 320, but is '{text.strip()}'."
        )
    return (int(plain),)


def split_answers(text: str) -> list[str]:
    """Split a text into answers: one per line, or between semicolons, or between commas.

    Example:
        >>> split_answers("28x28x32, (14, 14, 32), 128")
        ['28x28x32', '(14, 14, 32)', '128']
    """
    plain = text.strip().rstrip(",;").strip()
    if "\n" in plain:
        return [line.strip().rstrip(",;").strip() for line in plain.splitlines() if line.strip()]
    if ";" in plain:
        return [part.strip() for part in plain.split(";")]
    return [part.strip() for part in _BETWEEN_ANSWERS.split(plain)] if plain else []


def _format(answer: Answer) -> str:
    return f"{answer[0]:,}" if len(answer) == 1 else format_shape(answer)
