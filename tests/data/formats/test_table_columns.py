"""Columns of tables: splits found by their cells, columns that are not used, divided groups."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from clearsight.data.formats.table import open_table
from clearsight.data.listing import Listing
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from support.formats.breakage import PNG

PARTS = ("train", "train", "train", "train", "test", "test")


def write(folder: Path, header: str, *cells: list[str]) -> Path:
    """Write a table of six images; after path and label come the given columns."""
    lines = [header]
    for row, others in enumerate(zip(*cells, strict=True) if cells else [()] * 6):
        (folder / f"{row}.png").write_bytes(PNG)
        lines.append(",".join([f"{row}.png", "ab"[row % 2], *others]))
    (folder / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "t.csv"


def read(path: Path, options: SourceOptions | None = None) -> Listing:
    listing = open_table(path, options or SourceOptions())
    assert isinstance(listing, Listing)
    return listing


@pytest.mark.parametrize("words", [("Training", "PublicTest"), ("train", "test"), ("TRAIN", "val")])
def test_a_column_that_says_the_split_is_found(tmp_path: Path, words: tuple[str, str]) -> None:
    cells = [words[part == "test"] for part in PARTS]
    listing = read(write(tmp_path, "image,label,Usage", cells))
    assert [part == "train" for part in listing.parts] == [part == "train" for part in PARTS]
    assert any("'Usage' says which split" in note for note in listing.notes)


def test_a_column_of_other_words_is_no_split(tmp_path: Path) -> None:
    listing = read(write(tmp_path, "image,label,kind", ["train", "bus", *["car"] * 4]))
    assert set(listing.parts) == {None}
    assert "Columns that are not used: 'kind'." in listing.notes


def test_groups_that_the_own_splits_divide_are_noted(tmp_path: Path) -> None:
    path = write(tmp_path, "image,label,split,patient", list(PARTS), list("112213"))
    listing = read(path, SourceOptions(group_column="patient"))
    assert any(note.startswith("1 of 3 groups have images in several") for note in listing.notes)


def test_paths_with_accents_are_found_in_either_form(tmp_path: Path) -> None:
    path = write(tmp_path, "image,label")
    stored = tmp_path / unicodedata.normalize("NFD", "é.png")
    (tmp_path / "0.png").rename(stored)
    text = path.read_text(encoding="utf-8").replace("0.png", unicodedata.normalize("NFC", "é.png"))
    path.write_text(text, encoding="utf-8")
    assert stored.name in read(path).keys


def test_pixels_in_one_cell_get_advice(tmp_path: Path) -> None:
    path = tmp_path / "fer.csv"
    path.write_text("label,pixels\n" + "0,1 2 3 4\n1,5 6 7 8\n", encoding="utf-8")
    with pytest.raises(DataError, match="contains 4 numbers: give each pixel a column"):
        open_table(path, SourceOptions(image_column="pixels"))


def test_pixel_columns_are_sorted_by_number(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = ["pixel3,pixel2,pixel1,pixel0,label", *(f"3,2,1,{k},{k % 2}" for k in range(4))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    images = load_splits(str(path), SourceOptions(test_split=0)).train.images
    assert images[0].ravel().tolist() == [0, 1, 2, 3]


def test_labels_without_their_images_are_refused(tmp_path: Path) -> None:
    images, labels = np.zeros((4, 2, 2), np.uint8), np.arange(4) % 2
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, y_test=labels)
    with pytest.raises(DataError, match="should hold images for 'y_test'"):
        load_splits(str(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", features=images, labels=labels)
    with pytest.raises(DataError, match="its arrays are features, labels"):
        load_splits(str(tmp_path / "b.npz"))


def test_an_array_that_may_be_colours_without_rows_is_noted(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(4 * 9 * 3).reshape(4, 9, 3) % 256, y=[0, 1, 0, 1])
    notes = load_splits(str(tmp_path / "a.npz")).load_report.notes
    assert any("read as grey, 9x3; if the last axis holds colours" in note for note in notes)


def test_an_empty_list_of_removals_leaves_all(tmp_path: Path) -> None:
    path = write(tmp_path, "image,label")
    (tmp_path / "none.txt").write_text("")
    splits = load_splits(str(path), SourceOptions(test_split=0, remove_list=tmp_path / "none.txt"))
    assert len(splits.train) == 6
    assert any("lists no image to leave out" in note for note in splits.load_report.notes)
