"""Confident learning: the paper's definitions, properties for any input, and flipped labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.evaluation.label_errors import find_label_errors


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities float64 (N, K) and labels of any quality; some classes without images."""
    num_classes = draw(st.integers(2, 6))
    count = draw(st.integers(1, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    concentration = draw(st.sampled_from([0.05, 0.5, 5.0]))
    probabilities = generator.dirichlet(np.full(num_classes, concentration), size=count)
    return probabilities, generator.integers(0, num_classes, count)


@given(cases())
def test_the_most_probable_label_is_never_suspected(case) -> None:
    probabilities, labels = case
    errors = find_label_errors(probabilities, labels)
    assert not errors.is_suspect[probabilities.argmax(axis=1) == labels].any()
    assert (errors.suggested != labels).all()


@given(cases())
def test_the_joint_counts_each_image_at_most_once(case) -> None:
    probabilities, labels = case
    errors = find_label_errors(probabilities, labels)
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    assert (errors.joint.sum(axis=1) <= counts).all()
    off_diagonal = errors.joint.sum() - np.trace(errors.joint)
    assert errors.is_suspect.sum() <= off_diagonal


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_images_and_of_classes_does_not_matter(case, random) -> None:
    probabilities, labels = case
    order = np.array(random.sample(range(len(labels)), len(labels)))
    classes = np.array(random.sample(range(probabilities.shape[1]), probabilities.shape[1]))
    plain = find_label_errors(probabilities, labels)
    new_label = np.argsort(classes)
    other = find_label_errors(probabilities[order][:, classes], new_label[labels[order]])
    assert np.array_equal(other.is_suspect, plain.is_suspect[order])
    assert np.allclose(other.scores, plain.scores[order])


@given(cases())
def test_the_ranking_has_every_image_once_and_orders_the_suspects(case) -> None:
    probabilities, labels = case
    errors = find_label_errors(probabilities, labels)
    assert sorted(errors.ranking.tolist()) == list(range(len(labels)))
    assert (np.diff(errors.scores[errors.ranking]) >= 0).all()
    assert set(errors.suspects) == set(np.flatnonzero(errors.is_suspect))


def test_the_papers_definitions_calculated_by_hand() -> None:
    """Thresholds: class 0 (0.9 + 0.7 + 0.2) / 3 = 0.6, class 1 (0.8 + 0.6) / 2 = 0.7."""
    of_first = np.array([0.9, 0.7, 0.2, 0.2, 0.4])
    probabilities = np.stack([of_first, 1 - of_first], axis=1)
    labels = np.array([0, 0, 0, 1, 1])
    errors = find_label_errors(probabilities, labels)
    assert errors.thresholds == pytest.approx([0.6, 0.7])
    # The last image reaches neither threshold and is not counted; the third counts as class 1.
    assert errors.joint.tolist() == [[2, 1], [0, 1]]
    assert errors.suspects.tolist() == [2]


def test_a_class_without_images_gets_none() -> None:
    probabilities = np.array([[0.1, 0.9, 0.0], [0.8, 0.2, 0.0], [0.2, 0.2, 0.6]])
    errors = find_label_errors(probabilities, np.array([0, 0, 1]))
    assert errors.thresholds[2] == 1.0
    assert errors.joint[:, 2].sum() == 0


@given(st.integers(0, 2**32 - 1))
def test_flipped_labels_are_found_by_a_good_network(seed: int) -> None:
    """With 0.6 or more for the true class, flips rank first and nothing else is suspected."""
    generator = np.random.default_rng(seed)
    truth = np.arange(400) % 4
    probabilities = 0.4 * generator.dirichlet(np.ones(4), size=400)
    probabilities[np.arange(400), truth] += 0.6
    labels = truth.copy()
    flipped = generator.choice(400, 20, replace=False)
    labels[flipped] = (labels[flipped] + generator.integers(1, 4, 20)) % 4
    errors = find_label_errors(probabilities, labels)
    assert set(errors.ranking[:20]) == set(flipped)
    assert set(errors.suspects) <= set(flipped)
    assert (errors.suggested[flipped] == truth[flipped]).all()


def test_inputs_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 2\) for 3 labels, but got \(2, 2\)"):
        find_label_errors(np.full((2, 2), 0.5), np.zeros(3, dtype=int))
