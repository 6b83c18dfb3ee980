"""``clearsight exercise``: work out a network's shapes and parameters, and check the answers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import columns_of, console_for, json_option, print_json
from clearsight.cli.request_options import RequestCommand, given_options
from clearsight.errors import RequestError
from clearsight.run.exercises.exercise_names import NAMES

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.run.exercises.answer import CheckedAnswer
    from clearsight.run.exercises.exercise import Question


@click.command(
    cls=RequestCommand,
    requests=("clearsight.run.exercises.request:TrialRequest",),
    epilog=examples("exercise shapes", "exercise padding --parameters"),
)
@click.argument("name", metavar="NAME", type=click.Choice(NAMES))
@click.option(
    "--answers",
    metavar="TEXT|FILE",
    help='All answers at once, without asking, e.g. "28x28x32, 14x14x32, ...".',
)
@click.option("--parameters", is_flag=True, help="Ask for each layer's parameters as well.")
@json_option
@click.pass_context
def exercise(
    context: click.Context, name: str, answers: str | None, parameters: bool, as_json: bool
) -> None:
    """Work out the lesson network by hand and check your answers.

    NAME is shapes, padding or third-block.

    Wrong answers are explained with the formula and its numbers. Shapes are written 28x28x32 or
    (28, 28, 32). `third-block` then trains both networks on Fashion-MNIST and reports whether the
    block helps.
    """
    from clearsight.run.exercises.request import trial_request

    request = trial_request(name, **given_options(context))
    if answers is None and not sys.stdin.isatty():
        raise RequestError(
            "There is no terminal to ask in: give the answers with --answers "
            '"28x28x32, 14x14x32, ..." or --answers FILE.'
        )
    console = console_for(as_json)
    with loading_keras(console):
        from clearsight.run.exercises.answer import check_answers
        from clearsight.run.exercises.attempt import Attempt
        from clearsight.run.exercises.exercise import questions_about
        from clearsight.run.exercises.exercises import EXERCISES

        chosen = EXERCISES[name]
        questions = tuple(questions_about(chosen.trace(), with_parameters=parameters))
    if answers is not None:
        attempt = Attempt(chosen, questions, check_answers(questions, answers))
        console.print(*attempt.answer_lines, sep="\n")
    else:
        console.print(chosen.task)
        attempt = Attempt(chosen, questions, _ask_all(questions, console))
    console.print(*attempt.score_lines(columns_of(console)), sep="\n")
    if chosen.trains and request.seeds and attempt.is_complete:
        from clearsight.run.exercises.trial import run_trial
        from clearsight.run.train import Display
        from clearsight.training.progress import Progress

        trial = run_trial(chosen, request, Display.of(Progress(console)))
        attempt = Attempt(chosen, questions, attempt.checked, trial)
        console.print(*attempt.trial_lines(columns_of(console)), sep="\n", soft_wrap=True)
    if as_json:
        print_json(attempt.to_json())


def _ask_all(questions: Sequence[Question], console: TextConsole) -> tuple[CheckedAnswer, ...]:
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
    return tuple(answered)
