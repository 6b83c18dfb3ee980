"""Saliency of a finished run, on its own test images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.models.backend import keras
from clearsight.run.report.saliency import Saliency, compute_saliency


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> clearsight.Run:
    out: Path = tmp_path_factory.mktemp("looked at") / "run"
    return clearsight.train("digits", epochs=2, out=out, verbose=False)


@pytest.fixture(scope="module")
def saliency(run: clearsight.Run) -> Saliency:
    return compute_saliency(run)


def test_it_chooses_the_most_confident_images_and_mistakes(
    run: clearsight.Run, saliency: Saliency
) -> None:
    _, test = clearsight.load_data("digits")
    assert test is not None
    probabilities = run.predict(test.images).probabilities
    predicted, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = predicted != test.labels
    assert saliency.mistakes
    assert saliency.mistakes[0].probability == pytest.approx(highest[wrong].max(), abs=1e-5)
    assert [shown.label for shown in saliency.correct] == sorted(set(test.labels[~wrong].tolist()))
    for shown in saliency.correct:
        of_class = ~wrong & (test.labels == shown.label)
        assert shown.probability == pytest.approx(highest[of_class].max(), abs=1e-5)
        assert shown.label_heat_map is None
    for shown in (*saliency.correct, *saliency.mistakes):
        assert shown.heat_map is not None
        assert shown.heat_map.shape == shown.image.shape[:2]
        np.testing.assert_array_equal(shown.image, test.images[shown.index])
    for shown in saliency.mistakes:
        assert shown.label != shown.predicted
        assert shown.label_heat_map is not None
        assert not np.array_equal(shown.label_heat_map, shown.heat_map)


def test_all_parts_are_there_and_known_probabilities_change_nothing(
    run: clearsight.Run, saliency: Saliency
) -> None:
    assert saliency.missing == ()
    assert saliency.deletion_check is not None
    assert saliency.filters is not None
    assert saliency.by_hand is not None
    assert saliency.feature_map_image is saliency.correct[0]
    _, test = clearsight.load_data("digits")
    assert test is not None
    again = compute_saliency(run, test, run.predict(test.images).probabilities)
    assert again.deletion_check is not None
    assert again.deletion_check.verdict == saliency.deletion_check.verdict
    assert [shown.index for shown in again.correct] == [shown.index for shown in saliency.correct]


def test_a_network_without_convolutions_reports_what_is_missing(
    run: clearsight.Run,
) -> None:
    dense = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    other = clearsight.Run(run.folder, run.record)
    other.__dict__["model"] = dense
    saliency = compute_saliency(other)
    assert saliency.deletion_check is None
    assert saliency.filters is None
    assert saliency.by_hand is None
    assert saliency.feature_maps == ()
    assert len(saliency.missing) == 2
    assert "should have a convolution" in saliency.missing[0]
    assert saliency.mistakes[0].heat_map is None
