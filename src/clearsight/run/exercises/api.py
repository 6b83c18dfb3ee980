"""`exercise`, as Python users call it."""

import os
from collections.abc import Sequence
from typing import Unpack

from clearsight.io.argument_checks import check_choice, check_switch
from clearsight.options import documents, option_fields
from clearsight.run.api import shown
from clearsight.run.exercises.answer import GivenAnswer, check_answers
from clearsight.run.exercises.attempt import Attempt
from clearsight.run.exercises.exercise import questions_about
from clearsight.run.exercises.exercises import EXERCISES
from clearsight.run.exercises.request import TrialRequest, trial_request
from clearsight.run.exercises.trial import run_trial
from clearsight.run.keywords import TrialKeywords


@documents(option_fields(TrialRequest))
def exercise(
    name: str,
    answers: str | os.PathLike[str] | Sequence[GivenAnswer] | None = None,
    *,
    parameters: bool = False,
    verbose: bool = True,
    **options: Unpack[TrialKeywords],
) -> Attempt:
    """Work out the lesson's network by hand: show an exercise's questions, or check your answers.

    Wrong answers are explained with the formula and its numbers. "third-block" then trains both
    networks on Fashion-MNIST and reports whether the block helps.

    Args:
        name: "shapes", "padding" or "third-block".
        answers: in the order of the questions: a list of shapes, such as (28, 28, 1), and numbers;
            a text such as "28x28x1, 10"; or a text file. None shows the questions.
        parameters: ask for each layer's parameters as well.
        verbose: print questions or answers; otherwise they are only in the result.
        **options: listed below.

    Returns:
        The questions, and the answers with whether they are correct.

    Raises:
        RequestError: when there is no such exercise, or the answers or options are not valid.
        ClearsightError: in the same cases as `train`.

    Example:
        >>> exercise("shapes", [(28, 28, 32), (14, 14, 32)], verbose=False).num_correct
        2

    Options:
    """
    check_choice(name, "name", EXERCISES)
    parameters = check_switch(parameters, "parameters")
    verbose = check_switch(verbose, "verbose")
    request = trial_request(name, **options)
    chosen = EXERCISES[name]
    questions = tuple(questions_about(chosen.trace(), with_parameters=parameters))
    with shown(verbose) as display:
        announce = display.progress.announce
        if answers is None:
            attempt = Attempt(chosen, questions)
            for line in attempt.question_lines:
                announce(line)
            return attempt
        given = os.fspath(answers) if isinstance(answers, os.PathLike) else answers
        attempt = Attempt(chosen, questions, check_answers(questions, given))
        for line in [*attempt.answer_lines, *attempt.score_lines()]:
            announce(line)
        if chosen.trains and request.seeds:
            trial = run_trial(chosen, request, display)
            attempt = Attempt(chosen, questions, attempt.checked, trial)
            for line in attempt.trial_lines():
                announce(line)
        return attempt
