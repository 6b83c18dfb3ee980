"""Small trainings with nothing wrong: no reading of their curves contradicts what is known."""

from __future__ import annotations

import pytest

from clearsight.evaluation.curve.reading import read_curve
from support.curve_contradictions import contradictions
from support.honest_trainings import train_honestly

_NEVER_HONEST = {"diverged"}


@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(12, 112), marks=pytest.mark.slow)], ids=str
)
def test_no_reading_of_an_honest_training_contradicts_it(seeds: range) -> None:
    wrong = []
    for seed in seeds:
        training = train_honestly(seed)
        history, context, outcomes = training.history, training.context, training.outcomes
        reading = read_curve(history, context, outcomes)
        false = {finding.name for finding in reading.findings} & _NEVER_HONEST
        false |= set(contradictions(reading, history, context, outcomes))
        wrong += [f"{training.name}, {each}: {reading.sentence}" for each in sorted(false)]
    assert not wrong, "\n".join(wrong)
