"""A run is resumed with the same images wherever they are now, and told which ones changed."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.data.sources.load import load_splits
from clearsight.errors import DataError, RunError
from clearsight.run.resume.image_changes import image_changes
from clearsight.run.store.split_csv import list_images, read_split
from support.command_line import Cli, assert_refused

OPTIONS = {"recipe": "lesson", "epochs": 1, "report": False, "bundle": False, "verbose": False}
MORE = {"epochs": 2, "report": False, "bundle": False, "verbose": False}


def save_noise(path: Path, seed: list[int]) -> None:
    """Write a small image of random pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of 20 images each."""
    for label, name in enumerate("ab"):
        for number in range(20):
            save_noise(tmp_path / "set" / name / f"{number:02}.png", [label + 1, number])
    return tmp_path / "set"


@pytest.mark.slow
def test_moved_images_are_found_where_the_user_says(images: Path, tmp_path: Path, cli: Cli) -> None:
    out, moved = tmp_path / "run", tmp_path / "elsewhere" / "moved"
    clearsight.train(images, out=out, **OPTIONS)
    moved.parent.mkdir()
    images.rename(moved)
    for refused in (cli("train", "--resume", str(out), "--epochs", "2"), cli("evaluate", str(out))):
        assert_refused(refused, f"trained on {images}, but nothing is there any more", "NEWPATH")
    with pytest.raises(DataError, match="'nowhere' is neither"):
        clearsight.resume(out, data="nowhere", epochs=2)
    done = cli("train", str(moved), "--resume", str(out), "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert f"The images are now read from {moved}." in done.stdout
    run = clearsight.Run.load(out)
    assert run.record.reproducible
    assert run.record.request.source == run.record.given.source == str(moved)
    assert len(clearsight.resume(out, epochs=3, verbose=False).history) == 3

    whole = clearsight.train(moved, out=tmp_path / "whole", **{**OPTIONS, "epochs": 3})
    assert [epoch.loss for epoch in run.history] == [epoch.loss for epoch in whole.history]


def test_images_in_an_archive_are_the_same(images: Path, tmp_path: Path) -> None:
    run = clearsight.train(images, out=tmp_path / "run", **OPTIONS)
    archive = shutil.make_archive(str(tmp_path / "images"), "zip", images)
    shutil.rmtree(images)
    again = clearsight.resume(run.path, data=Path(archive), **MORE)
    assert again.record.request.source == archive
    assert again.record.changes == ()


def test_changed_images_are_listed(images: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "run"
    clearsight.train(images, out=out, **OPTIONS)
    # Without its only test image, a class would give another one to the test set.
    modified, removed = [use.name for use in read_split(out / "split.csv")][:2]
    for number in range(5):
        save_noise(images / "a" / f"new{number}.png", [7, number])
    save_noise(images / modified, [8])
    (images / removed).unlink()
    refused = cli("train", "--resume", str(out), "--epochs", "2")
    assert_refused(
        refused,
        "5 images were added ('a/new0.png', 'a/new1.png', 'a/new2.png' and 2 more); 1 image was "
        f"removed ('{removed}'); 1 image was modified ('{modified}'). Restore them, or accept",
    )
    run = clearsight.resume(out, accept_changes=True, **MORE)
    assert any(change.endswith(f"was removed ('{removed}')") for change in run.record.changes)


def test_images_that_change_class_or_part_in_a_table_are_listed(
    images: Path, tmp_path: Path
) -> None:
    paths = sorted(path.relative_to(tmp_path).as_posix() for path in images.glob("*/*.png"))
    rows = [
        [path, path.split("/")[1], "train" if n % 4 else "test"] for n, path in enumerate(paths)
    ]
    table = tmp_path / "images.csv"

    def write() -> None:
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([["image", "label", "split"], *rows])

    write()
    used = list_images(load_splits(str(table)))
    assert image_changes(used, load_splits(str(table)), used_all=True) == [
        "other images come first, or they are in another order, or their groups have other names"
    ]
    rows[5][1], rows[9][2] = "b", "validation"
    write()
    assert image_changes(used, load_splits(str(table)), used_all=True) == [
        f"1 image was given another class ('{rows[5][0]}')",
        f"1 image was moved to another part ('{rows[9][0]}')",
    ]


def test_runs_with_several_seeds_move_too(images: Path, tmp_path: Path) -> None:
    runs = clearsight.train(images, seeds=2, out=tmp_path / "runs", **OPTIONS)
    shutil.rmtree(runs.path / "seeds" / "1")
    moved = images.rename(tmp_path / "moved")
    with pytest.raises((RunError, DataError)):
        clearsight.resume(runs.path, verbose=False)
    again = clearsight.resume(runs.path, data=moved, report=False, bundle=False, verbose=False)
    assert isinstance(again, clearsight.SeedRuns)
    assert len(again) == 2
    assert again[1].record.request.source == str(moved)
    assert again.record.source == str(moved)
    assert again[0].record.data == {
        part: images.model_copy(update={"provenance": images.provenance.replace("/moved", "/set")})
        for part, images in again[1].record.data.items()
    }
