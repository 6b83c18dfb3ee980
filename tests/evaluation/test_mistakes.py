"""Finding and sorting a network's mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.mistakes import find_mistakes


def random_case(seed: int, num_images: int, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(num_classes, 0.3), num_images)
    return probabilities, generator.integers(0, num_classes, num_images)


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(2, 12))
def test_mistakes_agree_with_counting_by_hand(seed: int, count: int, classes: int) -> None:
    probabilities, labels = random_case(seed, count, classes)
    predicted = probabilities.argmax(axis=1)
    mistakes = find_mistakes(probabilities, labels)
    by_hand = [
        [int(((labels == i) & (predicted == j)).sum()) for j in range(classes)]
        for i in range(classes)
    ]
    assert mistakes.confusion.tolist() == by_hand
    assert set(mistakes.wrong.tolist()) == {i for i in range(count) if predicted[i] != labels[i]}
    confidence = probabilities.max(axis=1)[mistakes.wrong]
    assert (np.diff(confidence) <= 0).all()
    top_two = np.sort(probabilities, axis=1)[:, -2:]
    margins = (top_two[:, 1] - top_two[:, 0])[mistakes.least_certain]
    assert (np.diff(margins) >= 0).all()
    assert sorted(mistakes.least_certain.tolist()) == list(range(count))
    counts = [pair.count for pair in mistakes.pairs]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == len(mistakes.wrong)
    for pair in mistakes.pairs:
        assert pair.count == by_hand[pair.label][pair.predicted]
        assert (labels[pair.indices] == pair.label).all()
        assert (predicted[pair.indices] == pair.predicted).all()


def test_a_confident_disagreement_is_a_suspected_label() -> None:
    right = np.tile([[0.95, 0.05], [0.05, 0.95]], (20, 1))
    labels = np.tile([0, 1], 20)
    labels[6] = 1  # the network is certain of 0
    mistakes = find_mistakes(right, labels)
    assert mistakes.suspects.tolist() == [6]
    assert mistakes.wrong.tolist() == [6]


def test_groups_are_sorted_worst_first_with_intervals() -> None:
    probabilities = np.array([[0.9, 0.1]] * 6)
    labels = np.array([0, 0, 0, 0, 1, 1])
    groups = ("a", "a", "a", "b", "b", "c")
    scores = find_mistakes(probabilities, labels, groups).by_group
    found = [(score.group, score.accuracy.value, score.accuracy.num_images) for score in scores]
    assert found == [("c", 0, 1), ("b", 0.5, 2), ("a", 1, 3)]
    assert scores[1].accuracy.interval == wilson_interval(1, 2)
    assert find_mistakes(probabilities, labels).by_group == ()


@given(arrays.arrays(np.float64, (4, 3), elements=st.sampled_from([0.0, 1.0, np.nan, np.inf])))
def test_probabilities_that_are_not_finite_are_refused(values: np.ndarray) -> None:
    labels = np.zeros(4, dtype=int)
    if np.isfinite(values).all():
        find_mistakes(values, labels)
    else:
        with pytest.raises(ValueError, match="should be finite"):
            find_mistakes(values, labels)


def test_inputs_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 2\) for 3 labels"):
        find_mistakes(np.full((2, 2), 0.5), np.zeros(3, dtype=int))
    with pytest.raises(ValueError, match="a group for each of 2 images, but got 1 groups"):
        find_mistakes(np.full((2, 2), 0.5), np.zeros(2, dtype=int), ("a",))
