"""Classes compared one by one: no more false alarms among all than of one."""

from __future__ import annotations

import numpy as np

from clearsight.evaluation.comparison.by_class import compare_classes

NAMES = tuple("abcdefghij")


def test_chance_is_seldom_taken_for_a_change() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 100)
    alarms = [
        compare_classes(*(generator.random((2, 1000)) < 0.8), labels, NAMES)[0].is_significant
        for _ in range(400)
    ]
    assert np.mean(alarms) <= 0.06


def test_a_class_that_changed_comes_first_and_absent_ones_are_left_out() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 200)
    first = generator.random(1000) < 0.8
    second = first.copy()
    second[labels == 3] = generator.random(200) < 0.4
    changes = compare_classes(first, second, labels, NAMES)
    assert [change.class_name for change in changes if change.is_significant] == ["d"]
    assert changes[0].pair.difference > 0.2
    assert {change.class_name for change in changes} == set("abcde")
