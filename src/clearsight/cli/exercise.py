"""``clearsight exercise``: the lesson's exercises, predicted first and then checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearsight.cli.interruption import interruption_told
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.errors import RequestError

if TYPE_CHECKING:
    from rich.console import Console

    from clearsight.run.exercises.exercise import Checked, Exercise, Question

_EXIT_CTRL_C = 130
_NUM_SEEDS = 3  # trainings of each network: two minutes on two cores


class Name(StrEnum):
    """Which exercise."""

    shapes = "shapes"
    padding = "padding"
    third_block = "third-block"


def exercise(
    name: Annotated[Name, typer.Argument(metavar="NAME", help="shapes, padding or third-block.")],
    answers: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|FILE",
            help='All answers at once, without asking, e.g. "28x28x32, 14x14x32, ...".',
        ),
    ] = None,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Ask for each layer's parameters as well.")
    ] = False,
    seeds: Annotated[
        int,
        typer.Option(metavar="N", help="third-block: trainings of each network; 0 trains none."),
    ] = _NUM_SEEDS,
    epochs: Annotated[
        int | None, typer.Option(help="third-block: passes over the training images.")
    ] = None,
    train_limit: Annotated[
        int | None, typer.Option(help="third-block: use only the first N training images.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="third-block: a new folder for the runs."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Predict the lesson's network layer by layer, and see whether it comes true.

    A miss is explained with its formula worked. Shapes are written 28x28x32 or (28, 28, 32).
    `third-block` then trains both networks on Fashion-MNIST and says whether the block helped.
    """
    _check_usage(name, seeds, epochs, train_limit, out)
    if answers is None and not sys.stdin.isatty():
        raise RequestError(
            "There should be somebody to ask, but the input is no terminal: give the answers with "
            '--answers "28x28x32, 14x14x32, ..." or --answers FILE.'
        )
    console = console_for(as_json)
    with loading_keras(console):
        from clearsight.run.exercises import EXERCISES
        from clearsight.run.exercises.checking import all_checked, text_of_answers
        from clearsight.run.exercises.exercise import questions_of, score_sentence

        chosen = EXERCISES[name.value]
        questions = tuple(questions_of(chosen.trace(), with_parameters=parameters))
        changes = chosen.changes()
    if answers is not None:
        checked: Sequence[Checked] = all_checked(questions, text_of_answers(answers))
        console.print(chosen.task)
        for each in checked:
            console.print(f"{each.question.text}\n    {each.sentence}")
    else:
        console.print(chosen.task)
        checked = _asked(questions, console)
    console.print(score_sentence(checked))
    if changes is not None:
        console.print(f"\nThe lesson's network (first) and this one (second):\n\n{changes}")
    values: dict[str, Any] = {
        "exercise": chosen.name,
        "questions": [each.to_json() for each in checked],
        "num_right": sum(each.is_right for each in checked),
        "num_questions": len(questions),
        "changes": None if changes is None else changes.to_json(),
    }
    if chosen.trains and seeds and len(checked) == len(questions):
        options = {"epochs": epochs, "train_limit": train_limit}
        values["trial"] = _tried_out(chosen, seeds, out, options, console)
    if as_json:
        print_json(values)


def _check_usage(
    name: Name, seeds: int, epochs: int | None, train_limit: int | None, out: Path | None
) -> None:
    if seeds < 0 or seeds == 1:
        raise RequestError(
            f"--seeds should be at least 2, because one training of each says little, or 0 for "
            f"none, but is {seeds}."
        )
    trains = seeds != _NUM_SEEDS or (epochs, train_limit, out) != (None, None, None)
    if name is not Name.third_block and trains:
        raise RequestError(
            f"--seeds, --epochs, --train-limit and --out belong to the exercise third-block, but "
            f"{name.value} trains nothing: leave them out."
        )
    if out is not None and os.path.lexists(out):
        raise RequestError(f"{out} exists and is never overwritten: name another with --out.")


def _tried_out(
    chosen: Exercise, seeds: int, out: Path | None, options: dict[str, Any], console: Console
) -> dict[str, Any]:
    """Train both networks and say what came of it."""
    from clearsight.run.exercises.trial import try_out
    from clearsight.run.train import Display
    from clearsight.training.progress import Progress

    with interruption_told():
        trial = try_out(
            chosen, seeds, Display(Progress(console)), out=out, announce=console.print, **options
        )
    for title, runs in (("The lesson's network", trial.lesson), ("This network", trial.other)):
        console.print(f"\n{title}, {runs.path}:\n{runs}")
    console.print()
    for sentence in trial.sentences:
        console.print(sentence)
    return trial.to_json()


def _asked(questions: Sequence[Question], console: Console) -> list[Checked]:
    """Ask one question after the other; the end of the input ends the asking."""
    answered: list[Checked] = []
    try:
        for question in questions:
            console.print(question.text)
            answered.append(_answer_to(question, console))
            console.print(f"    {answered[-1].sentence}")
    except EOFError:
        console.print(f"\nStopped after {len(answered)} of {len(questions)} questions.")
    except KeyboardInterrupt:
        console.print(f"\nStopped after {len(answered)} of {len(questions)} questions.")
        raise typer.Exit(_EXIT_CTRL_C) from None
    return answered


def _answer_to(question: Question, console: Console) -> Checked:
    """Ask until the answer can be read."""
    from clearsight.run.exercises.checking import checked

    while True:
        console.print("  > ", end="")
        found = checked(question, input())
        if not found.problem:
            return found
        console.print(f"    {found.problem}")
