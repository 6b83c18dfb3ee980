"""``clearsight exercise``: work out a network's shapes and parameters, and check the answers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    PATH,
    check_new_file,
    columns_of,
    console_for,
    json_option,
    print_json,
    print_lines,
    print_table,
)
from clearsight.errors import RequestError

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.run.exercises.answer import CheckedAnswer
    from clearsight.run.exercises.exercise import Exercise, Question

NAMES = ("shapes", "padding", "third-block")  # of `EXERCISES`, whose import loads Keras
_NUM_SEEDS = 3  # runs of each network: two minutes on two cores


@click.command()
@click.argument("name", metavar="NAME", type=click.Choice(NAMES))
@click.option(
    "--answers",
    metavar="TEXT|FILE",
    help='All answers at once, without asking, e.g. "28x28x32, 14x14x32, ...".',
)
@click.option("--parameters", is_flag=True, help="Ask for each layer's parameters as well.")
@click.option(
    "--seeds",
    metavar="N",
    type=int,
    default=_NUM_SEEDS,
    help="third-block: runs of each network; 0 for none.",
)
@click.option("--epochs", type=int, help="third-block: number of epochs.")
@click.option(
    "--train-limit",
    metavar="N",
    type=int,
    help="third-block: use only the first N training images.",
)
@click.option("--out", metavar="DIR", type=PATH, help="third-block: a new folder for the runs.")
@json_option
def exercise(
    name: str,
    answers: str | None,
    parameters: bool,
    seeds: int,
    epochs: int | None,
    train_limit: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Work out the lesson network by hand and check your answers.

    NAME is shapes, padding or third-block.

    Wrong answers are explained with the formula and its numbers. Shapes are written 28x28x32 or
    (28, 28, 32). `third-block` then trains both networks on Fashion-MNIST and reports whether the
    block helps.
    """
    _check_usage(name, seeds, epochs, train_limit, out)
    if answers is None and not sys.stdin.isatty():
        raise RequestError(
            "There is no terminal to ask in: give the answers with --answers "
            '"28x28x32, 14x14x32, ..." or --answers FILE.'
        )
    console = console_for(as_json)
    with loading_keras(console):
        from clearsight.run.exercises import EXERCISES
        from clearsight.run.exercises.answer import check_answers
        from clearsight.run.exercises.exercise import questions_about

        chosen = EXERCISES[name]
        questions = tuple(questions_about(chosen.trace(), with_parameters=parameters))
        changes = chosen.changes()
    checked: Sequence[CheckedAnswer]
    if answers is not None:
        checked = check_answers(questions, answers)
        console.print(chosen.task)
        for each in checked:
            console.print(each.question.text)
            console.print(f"    {each.sentence}")
    else:
        console.print(chosen.task)
        checked = _ask_all(questions, console)
    num_correct = sum(each.is_correct for each in checked)
    console.print(f"{num_correct} of {len(checked)} correct.")
    if changes is not None:
        heading = "The lesson's network (first) and this one (second):"
        console.print("", heading, "", sep="\n")
        print_lines(changes.table.text(columns_of(console) or 80), console)
    values: dict[str, Any] = {
        "exercise": chosen.name,
        "questions": [each.to_json() for each in checked],
        "num_correct": num_correct,
        "num_questions": len(questions),
        "changes": None if changes is None else changes.to_json(),
    }
    if chosen.trains and seeds and len(checked) == len(questions):
        options = {"epochs": epochs, "train_limit": train_limit}
        values["trial"] = _run_trial(chosen, seeds, out, options, console)
    if as_json:
        print_json(values)


def _check_usage(
    name: str, seeds: int, epochs: int | None, train_limit: int | None, out: Path | None
) -> None:
    if seeds < 0 or seeds == 1:
        raise RequestError(
            f"--seeds should be at least 2, because single runs show little, or 0 for none, but is "
            f"{seeds}."
        )
    trains = seeds != _NUM_SEEDS or (epochs, train_limit, out) != (None, None, None)
    if name != "third-block" and trains:
        raise RequestError(
            "--seeds, --epochs, --train-limit and --out belong to the exercise third-block, but "
            f"{name} trains nothing: leave them out."
        )
    check_new_file(out, "--out")


def _run_trial(
    chosen: Exercise, seeds: int, out: Path | None, options: dict[str, Any], console: TextConsole
) -> dict[str, Any]:
    """Train both networks, and show which is better."""
    from clearsight.run.exercises.trial import run_trial
    from clearsight.run.train import Display
    from clearsight.training.progress import Progress

    trial = run_trial(chosen, seeds, Display.of(Progress(console)), out=out, **options)
    for title, runs in (("The lesson's network", trial.lesson), ("This network", trial.other)):
        console.print()
        console.print(f"{title}, {runs.path}:")
        print_table(runs.table, console)
        for sentence in runs.sentences:
            console.print(sentence)
    console.print()
    for sentence in trial.sentences:
        console.print(sentence)
    return trial.to_json()


def _ask_all(questions: Sequence[Question], console: TextConsole) -> list[CheckedAnswer]:
    """Ask each question until its answer can be parsed, or the input ends."""
    from clearsight.run.exercises.answer import check_answer

    answered: list[CheckedAnswer] = []
    try:
        for question in questions:
            console.print(question.text)
            checked = None
            while checked is None or checked.problem:
                console.print("  > ", end="")
                checked = check_answer(question, input())
                console.print(f"    {checked.problem or checked.sentence}")
            answered.append(checked)
    except (EOFError, KeyboardInterrupt) as stop:
        console.print()
        console.print(f"Stopped after {len(answered)} of {len(questions)} questions.")
        if isinstance(stop, KeyboardInterrupt):
            raise
    return answered
