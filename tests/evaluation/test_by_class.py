"""Comparing classes: no more false alarms over all classes than for one."""

from __future__ import annotations

import numpy as np

from clearsight.evaluation.comparison.by_class import compare_classes

NAMES = tuple("abcdefghij")


def test_chance_is_rarely_significant() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 100)
    alarms = [
        compare_classes(*(generator.random((2, 1000)) < 0.8), labels, NAMES)[0].is_significant
        for _ in range(400)
    ]
    assert np.mean(alarms) <= 0.06


def test_a_changed_class_comes_first_and_empty_classes_are_left_out() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 200)
    first = generator.random(1000) < 0.8
    second = first.copy()
    second[labels == 3] = generator.random(200) < 0.4
    changes = compare_classes(first, second, labels, NAMES)
    assert [change.class_name for change in changes if change.is_significant] == ["d"]
    assert changes[0].pair.difference > 0.2
    assert {change.class_name for change in changes} == set("abcde")
