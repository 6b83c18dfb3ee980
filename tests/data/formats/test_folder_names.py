"""A file of class names gives class folders their names and order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    for number in (0, 1, 10):
        folder = root / f"{number:02}"
        folder.mkdir(parents=True)
        for image in range(5):
            Image.new("L", (8, 8), 20 * number + image).save(folder / f"{image}.png")
    return root


def test_numbered_folders_get_the_names_of_their_numbers(numbered: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    names.write_text(json.dumps({"0": "cat", "1": "dog", "10": "owl"}))
    train = load_splits(str(numbered), SourceOptions(class_names=names)).train
    assert train.class_names == ("cat", "dog", "owl")
    for name, label in zip(train.names or (), train.labels, strict=True):
        assert {"00": 0, "01": 1, "10": 2}[name.split("/")[0]] == label


def test_a_list_of_the_folders_own_names_gives_their_order(numbered: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("10\nmore\n00\n01\n")
    train = load_splits(str(numbered), SourceOptions(class_names=names, test_split=0.0)).train
    assert train.class_names == ("10", "more", "00", "01")
    assert train.class_counts.tolist() == [5, 0, 5, 5]


def test_names_that_do_not_fit_are_refused(numbered: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    with pytest.raises(DataError, match="does not list '10': leave class_names= out"):
        load_splits(str(numbered), SourceOptions(class_names=names))
