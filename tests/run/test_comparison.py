"""Runs are compared on the test images that they share and that none has trained on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

import clearsight
from clearsight.errors import RunError
from clearsight.run.comparison import compare_runs
from clearsight.run.exercises.trial import compare_networks
from clearsight.run.seeds.comparison import compare_seed_runs
from clearsight.run.seeds.runs import SeedRuns
from support.command_line import Cli, assert_refused


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("compared")
    for name, epochs in (("long", 4), ("short", 1)):
        clearsight.train(
            "digits", epochs=epochs, out=folder / name, report=False, bundle=False, verbose=False
        )
    return folder / "long", folder / "short"


def test_it_is_what_counting_by_hand_gives(two_runs: tuple[Path, Path]) -> None:
    found = compare_runs(two_runs)
    _, test = clearsight.load_data("digits")
    assert test is not None
    assert found.num_images == len({row.tobytes() for row in test.digests})
    long, short = (
        clearsight.Run.load(path).predict(test.images).labels == test.labels for path in two_runs
    )
    assert found.guessing_accuracy == pytest.approx(
        np.bincount(test.labels).max() / len(test), abs=0.001
    )
    (pair,) = found.against_first
    assert pair.only_first == np.count_nonzero(long & ~short)
    assert pair.only_second == np.count_nonzero(short & ~long)


def test_the_command_line_says_which_is_better(two_runs: tuple[Path, Path], cli: Cli) -> None:
    long, short = map(str, two_runs)
    done = cli("compare", long, short)
    assert f"{long} is better than {short} by" in done.stdout
    assert re.search(r"test images that all runs share, 0\.10\d by guessing", done.stdout)
    answer = json.loads(cli("compare", short, long, "--json").stdout)
    (pair,) = answer["comparisons"]
    assert f"{short} is worse than {long} by" in pair["sentence"]
    assert pair["difference"] < 0
    assert pair["p_value"] < 0.05
    assert_refused(cli("compare", long), "At least two runs")


@pytest.mark.slow
def test_images_that_one_has_trained_on_are_left_out(
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
            folder.with_suffix(".npz"),
            recipe="lesson",
            epochs=1,
            out=folder,
            report=False,
            bundle=False,
            verbose=False,
        )
        folders.append(run.path)
    with pytest.raises(RunError, match="share test images that none of them has trained on"):
        compare_runs(folders)


def test_cost_intervals_and_curves_stand_beside_it(
    two_runs: tuple[Path, Path], cli: Cli, tmp_path: Path
) -> None:
    long, short = map(str, two_runs)
    done = cli("compare", long, short, "--out", "both.png", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    row = answer["runs"][0]
    num_right = round(row["test_accuracy"] * answer["num_images"])
    expected = binomtest(num_right, answer["num_images"]).proportion_ci(method="wilson")
    assert row["test_accuracy_interval"] == pytest.approx([expected.low, expected.high])
    assert row["model_bytes"] == (two_runs[0] / "model.keras").stat().st_size
    assert row["fit_seconds"] == clearsight.Run.load(long).results.fit_seconds
    with Image.open(tmp_path / "both.png") as image:
        assert image.width > 1000
    assert_refused(cli("compare", long, short, "--out", "both.png"), "never overwritten")
    assert_refused(cli("compare", long, short, "--out", "both.jpg"), "does not end in .png")


def test_classes_add_up_to_the_whole(two_runs: tuple[Path, Path]) -> None:
    found = compare_runs(two_runs)
    (changes,) = found.by_class
    (pair,) = found.against_first
    assert len(changes) == 10
    assert sum(change.pair.num_images for change in changes) == found.num_images
    assert sum(change.pair.only_first for change in changes) == pair.only_first
    assert any(change.is_significant for change in changes)
    for change in changes:
        assert change.adjusted_p_value >= change.pair.p_value


def test_classes_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    train, test = clearsight.load_data("digits")
    assert test is not None
    names = np.array([f"digit {k}" for k in range(10)])
    paths = []
    for name, order in (("up", np.arange(10)), ("down", np.arange(10)[::-1])):
        label_of = np.argsort(order)
        np.savez(
            tmp_path / f"{name}.npz",
            x_train=train.images, y_train=label_of[train.labels],
            x_test=test.images, y_test=label_of[test.labels],
        )  # fmt: skip
        (tmp_path / f"{name}.txt").write_text("\n".join(names[order]))
        run = clearsight.train(
            tmp_path / f"{name}.npz", class_names=tmp_path / f"{name}.txt", recipe="lesson",
            epochs=3, out=tmp_path / name, report=False, bundle=False, verbose=False,
        )  # fmt: skip
        paths.append(run.path)
    found = compare_runs(paths)
    for path, accuracy in zip(paths, found.accuracies, strict=True):
        run = clearsight.Run.load(path)
        assert accuracy == pytest.approx(run.results.test_accuracy, abs=0.01)
        assert accuracy > 0.5


def test_runs_that_cannot_be_compared_are_explained(
    two_runs: tuple[Path, Path], tmp_path: Path
) -> None:
    train, test = clearsight.load_data("digits")
    assert test is not None
    options = {"recipe": "lesson", "epochs": 1, "report": False, "verbose": False}
    arrays = clearsight.train(clearsight.Splits(train, test), out=tmp_path / "arrays", **options)
    with pytest.raises(RunError, match=r"arrays from Python.*numpy.savez") as error:
        compare_runs([two_runs[0], arrays.path])
    assert "clearsight.evaluate(RUN, SOURCE)" in str(error.value)
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    np.savez(
        tmp_path / "larger.npz",
        x_train=np.pad(train.images, border), y_train=train.labels,
        x_test=np.pad(test.images, border), y_test=test.labels,
    )  # fmt: skip
    larger = clearsight.train(tmp_path / "larger.npz", out=tmp_path / "larger", **options)
    with pytest.raises(RunError, match=r"of one size.*8x8x1.*10x10x1.*image_size="):
        compare_runs([two_runs[0], larger.path])


def test_sealed_images_stay_sealed_until_they_are_opened(
    two_runs: tuple[Path, Path], tmp_path: Path
) -> None:
    sealed = clearsight.train(
        "digits",
        epochs=1,
        no_test=True,
        out=tmp_path / "sealed",
        report=False,
        bundle=False,
        verbose=False,
    )
    with pytest.raises(RunError, match="have not been used yet, and comparing would use them"):
        compare_runs([two_runs[0], sealed.path])
    clearsight.evaluate(sealed)
    assert compare_runs([two_runs[0], sealed.path]).num_images > 300


@pytest.fixture(scope="module")
def two_groups(tmp_path_factory: pytest.TempPathFactory) -> tuple[SeedRuns, SeedRuns]:
    folder = tmp_path_factory.mktemp("groups")
    options = {"seeds": 2, "report": False, "verbose": False}
    return (
        clearsight.train("digits", epochs=4, out=folder / "long", **options),
        clearsight.train("digits", epochs=1, out=folder / "short", **options),
    )


def test_seeds_are_paired(two_groups: tuple[SeedRuns, SeedRuns], cli: Cli) -> None:
    paths = [group.path for group in two_groups]
    found = compare_seed_runs(paths)
    pairs = [compare_runs([long.path, short.path]) for long, short in zip(*two_groups, strict=True)]
    (difference,) = found.against_first
    assert difference.by_seed == pytest.approx([pair.against_first[0].difference for pair in pairs])
    assert found.accuracies[0].values == pytest.approx([pair.accuracies[0] for pair in pairs])
    done = cli("compare", *map(str, paths))
    assert done.returncode == 0, done.stderr
    assert "seeds finished by all: 0, 1" in done.stdout
    assert "over other seeds and other images" in done.stdout
    member = str(two_groups[1][0].path)
    assert_refused(cli("compare", str(paths[0]), member), "train it with --seeds, or give a single")


def test_a_trial_says_what_the_second_network_changed(
    two_groups: tuple[SeedRuns, SeedRuns],
) -> None:
    long, short = two_groups
    trial = compare_networks(short, long)
    expected = [
        mine.results.val_accuracy - other.results.val_accuracy
        for mine, other in zip(long, short, strict=True)
    ]
    # The training measures in the precision that it trains in.
    assert trial.validation.by_seed == pytest.approx(expected, abs=0.01)
    assert trial.validation.value > 0
    same = compare_networks(short, short)
    assert same.validation.value == same.gap.value == 0
    helped, widened = same.sentences
    assert helped.startswith(
        "These 2 seeds and 288 validation images are too few to tell whether it"
    )
    assert widened.startswith("These 2 seeds are too few to tell whether it widens the gap")


def test_a_run_is_not_compared_with_itself(digits_run: Path) -> None:
    with pytest.raises(RunError, match="given twice"):
        clearsight.compare(digits_run, digits_run)
