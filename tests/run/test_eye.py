"""What a finished run's network looks at, from its own test images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.models.backend import keras
from clearsight.run.report.saliency import Eye, look


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> clearsight.Run:
    out: Path = tmp_path_factory.mktemp("looked at") / "run"
    return clearsight.train("digits", epochs=2, out=out, verbose=False)


@pytest.fixture(scope="module")
def eye(run: clearsight.Run) -> Eye:
    return look(run)


def test_it_chooses_the_surest_of_each_class_and_the_surest_mistakes(
    run: clearsight.Run, eye: Eye
) -> None:
    _, test = clearsight.load_data("digits")
    assert test is not None
    probabilities = run.predict(test.images).probabilities
    predicted, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = predicted != test.labels
    assert eye.mistakes
    assert eye.mistakes[0].probability == pytest.approx(highest[wrong].max(), abs=1e-5)
    assert [shown.label for shown in eye.right] == sorted(set(test.labels[~wrong].tolist()))
    for shown in eye.right:
        of_class = ~wrong & (test.labels == shown.label)
        assert shown.probability == pytest.approx(highest[of_class].max(), abs=1e-5)
        assert shown.label_heat_map is None
    for shown in (*eye.right, *eye.mistakes):
        assert shown.heat_map is not None
        assert shown.heat_map.shape == shown.image.shape[:2]
        np.testing.assert_array_equal(shown.image, test.images[shown.index])
    for shown in eye.mistakes:
        assert shown.label != shown.predicted
        assert shown.label_heat_map is not None
        assert not np.array_equal(shown.label_heat_map, shown.heat_map)


def test_all_parts_are_there_and_passed_probabilities_give_the_same(
    run: clearsight.Run, eye: Eye
) -> None:
    assert eye.missing == ()
    assert eye.deletion is not None
    assert eye.filters is not None
    assert eye.worked_pixel is not None
    assert eye.feature_map_image is eye.right[0]
    _, test = clearsight.load_data("digits")
    assert test is not None
    again = look(run, test, run.predict(test.images).probabilities)
    assert again.deletion is not None
    assert again.deletion.verdict == eye.deletion.verdict
    assert [shown.index for shown in again.right] == [shown.index for shown in eye.right]


def test_a_network_without_convolutions_shows_its_images_and_says_what_is_missing(
    run: clearsight.Run,
) -> None:
    dense = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    other = clearsight.Run(run.folder, run.record)
    other.__dict__["model"] = dense
    eye = look(other)
    assert eye.deletion is None
    assert eye.filters is None
    assert eye.worked_pixel is None
    assert eye.feature_maps == ()
    assert len(eye.missing) == 2
    assert "should have a convolution" in eye.missing[0]
    assert eye.mistakes[0].heat_map is None
