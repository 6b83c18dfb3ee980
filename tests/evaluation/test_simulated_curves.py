"""No reading of a simulated training contradicts its numbers, or what is known of it."""

from __future__ import annotations

from collections import Counter

from clearsight.evaluation.curve.reading import read_curve
from support.curve_contradictions import contradictions
from support.simulated_curves import FALSE_FINDINGS, simulate

_NUM_TRAININGS = 600


def test_no_reading_is_falsely_certain() -> None:
    """Of any size, number of classes and epochs, skew, smoothing and schedule."""
    said: Counter[tuple[str, str]] = Counter()
    wrong = []
    for seed in range(_NUM_TRAININGS):
        training = simulate(seed)
        context, outcomes = training.context, training.outcomes
        reading = read_curve(training.history, context, outcomes)
        names = {finding.name for finding in reading.findings}
        false = names & FALSE_FINDINGS[training.truth]
        false |= set(contradictions(reading, training.history, context, outcomes))
        said.update((training.truth, name) for name in names)
        wrong += [f"seed {seed}, {training.truth}, {each}: {reading.sentence}" for each in false]
    assert not wrong, "\n".join(wrong)
    # Saying nothing would not be wrong either: what is clear must be said.
    assert said["learning", "still-learning"] > 0.4 * _NUM_TRAININGS / len(FALSE_FINDINGS)
    assert said["overfitted", "overfitting"] > 0.2 * _NUM_TRAININGS / len(FALSE_FINDINGS)
    assert said["nothing to learn", "not-above-chance"] > 0.9 * _NUM_TRAININGS / len(FALSE_FINDINGS)
