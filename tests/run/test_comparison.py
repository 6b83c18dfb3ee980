"""Runs are compared on the test pictures that they share and that none has trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.errors import RunError
from clearsight.run.comparison import compare_runs
from conftest import Cli, assert_refused


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("compared")
    for name, epochs in (("long", 4), ("short", 1)):
        clearsight.train("digits", epochs=epochs, out=folder / name, verbose=False)
    return folder / "long", folder / "short"


def test_it_is_what_counting_by_hand_gives(two_runs: tuple[Path, Path]) -> None:
    found = compare_runs(two_runs)
    _, test = clearsight.load_data("digits")
    assert test is not None
    assert found.num_images == len({row.tobytes() for row in test.digests})
    long, short = (
        clearsight.Run.load(path).predict(test.images).labels == test.labels for path in two_runs
    )
    (pair,) = found.against_first
    assert pair.only_first == np.count_nonzero(long & ~short)
    assert pair.only_second == np.count_nonzero(short & ~long)


def test_the_command_line_says_which_is_better(two_runs: tuple[Path, Path], cli: Cli) -> None:
    long, short = map(str, two_runs)
    done = cli("compare", long, short)
    assert f"{long} is better than {short} by" in done.stdout
    answer = json.loads(cli("compare", short, long, "--json").stdout)
    (pair,) = answer["comparisons"]
    assert pair["difference"] < 0
    assert pair["p_value"] < 0.05
    assert_refused(cli("compare", long), "At least two runs")


def test_pictures_that_one_has_trained_on_are_left_out(
    tmp_path: Path,
) -> None:
    train, test = clearsight.load_data("digits")
    assert test is not None
    folders = []
    for name, splits in (("fair", (train, test)), ("leaked", (test, test))):
        folder = tmp_path / name
        np.savez(
            folder.with_suffix(".npz"),
            x_train=splits[0].images, y_train=splits[0].labels,
            x_test=splits[1].images, y_test=splits[1].labels,
        )  # fmt: skip
        run = clearsight.train(
            folder.with_suffix(".npz"), recipe="lesson", epochs=1, out=folder, verbose=False
        )
        folders.append(run.path)
    with pytest.raises(RunError, match="share test pictures that none of them has trained on"):
        compare_runs(folders)
