"""All scores against scikit-learn's, and properties for any predictions."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.dummy
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.guessing import guessing_accuracy
from clearsight.evaluation.scores.macro import macro_scores
from clearsight.evaluation.scores.per_class import class_scores, confusion_matrix
from clearsight.evaluation.scores.scores import Scores, compute_scores, top_k_accuracies
from support.known_scores import CLASSES, SimulatedProblem


@pytest.fixture(scope="module")
def measured() -> tuple[Scores, np.ndarray, np.ndarray]:
    probabilities, labels = SimulatedProblem.of(1.6).sample(2_000, np.random.default_rng(3))
    return compute_scores(Predictions(probabilities, CLASSES), labels), probabilities, labels


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    assert estimate.value is not None
    assert estimate.interval is not None
    assert estimate.value in estimate.interval
    return estimate.value


def test_scores_are_scikit_learns(measured) -> None:
    found, probabilities, labels = measured
    assert found.num_images == 2_000
    assert value(found.accuracy) == sklearn.metrics.accuracy_score(labels, probabilities.argmax(1))
    assert value(found.log_loss) == pytest.approx(sklearn.metrics.log_loss(labels, probabilities))
    of_each = [
        sklearn.metrics.brier_score_loss(labels == label, probabilities[:, label])
        for label in range(len(CLASSES))
    ]
    assert value(found.brier) == pytest.approx(sum(of_each))
    guess = sklearn.dummy.DummyClassifier().fit(labels, labels)
    assert found.guessing_accuracy == guessing_accuracy(labels) == guess.score(labels, labels)
    (top,) = found.top
    assert top.k == 3
    assert value(top.accuracy) == sklearn.metrics.top_k_accuracy_score(labels, probabilities, k=3)


labelled = st.integers(2, 6).flatmap(
    lambda kinds: st.tuples(
        st.just(kinds),
        st.lists(
            st.tuples(st.integers(0, kinds - 1), st.integers(0, kinds - 1)), min_size=1, max_size=40
        ),
    )
)


@given(labelled)
def test_class_scores_are_scikit_learns(case) -> None:
    kinds, pairs = case
    truth, called = np.array(pairs).T
    confusion = confusion_matrix(truth, called, kinds)
    assert np.array_equal(
        confusion, sklearn.metrics.confusion_matrix(truth, called, labels=range(kinds))
    )
    rows = class_scores(confusion, tuple("abcdef"[:kinds]))
    expected = sklearn.metrics.precision_recall_fscore_support(
        truth, called, labels=range(kinds), zero_division=np.nan
    )
    for row, precision, recall, f1, support in zip(rows, *expected, strict=True):
        assert row.num_images == support
        for estimate, wanted in ((row.precision, precision), (row.recall, recall), (row.f1, f1)):
            if np.isnan(wanted):
                assert estimate.value is estimate.interval is None
                assert estimate.num_images == 0
            else:
                assert value(estimate) == pytest.approx(wanted)
    macro = macro_scores(confusion)
    wanted = sklearn.metrics.precision_recall_fscore_support(
        truth, called, average="macro", zero_division=0
    )[:3]
    found = (macro.precision.value, macro.recall.value, macro.f1.value)
    assert found == pytest.approx(wanted)


@given(st.integers(0, 2**32 - 1))
def test_equally_probable_classes_are_ranked_in_order(seed: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.integers(0, 3, (30, 7)) / 2
    labels = generator.integers(0, 7, 30)
    names = Predictions(probabilities, tuple("abcdefg"))
    for top in top_k_accuracies(probabilities, labels):
        among = [
            "abcdefg"[label] in [name for name, _ in row]
            for label, row in zip(labels, names.top(top.k), strict=True)
        ]
        assert top.accuracy.value == pytest.approx(np.mean(among))


def test_each_score_has_its_intervals_method(measured) -> None:
    found, *_ = measured
    right = round(value(found.accuracy) * 2_000)
    assert found.accuracy.interval == wilson_interval(right, 2_000)
    by_wilson = [found.accuracy, found.classes[0].precision, found.classes[0].f1]
    by_bootstrap = [found.macro.f1, found.log_loss, found.brier, found.calibration.ece]
    assert {estimate.method for estimate in by_wilson} == {"wilson"}
    assert {estimate.method for estimate in by_bootstrap} == {"bootstrap"}
    assert found.classes[0].recall.num_images == found.classes[0].num_images
    assert found.macro.f1.num_images == 2_000


def test_the_same_predictions_give_the_same_intervals(measured) -> None:
    found, probabilities, labels = measured
    again = compute_scores(Predictions(probabilities, CLASSES), labels)
    assert again == found
    other = compute_scores(Predictions(probabilities, CLASSES), labels, seed=1)
    assert other.macro.f1 != found.macro.f1
    assert other.macro.f1.interval.low == pytest.approx(found.macro.f1.interval.low, rel=0.01)


def test_a_diverged_network_has_only_an_accuracy() -> None:
    nothing = np.full((4, 6), np.nan)
    found = compute_scores(Predictions(nothing, tuple("abcdef")), np.array([0, 1, 2, 5]))
    assert found.accuracy.value == 0.25
    assert found.log_loss is found.brier is found.calibration is found.temperature_scaling is None
    assert [top.accuracy.value for top in found.top] == [0.75, 0.75]


def test_two_classes_have_no_top_three() -> None:
    sure = Predictions(np.array([[0.9, 0.1], [0.4, 0.6]]), ("a", "b"))
    assert compute_scores(sure, np.array([0, 1])).top == ()
