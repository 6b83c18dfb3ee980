"""Corrected labels come back from the file that was written, or get a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clearsight.data.image_list import read_image_list, write_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.labels.corrections import COLUMNS, correct_labels
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError

HEADER = "name,part,index,label,suggested,score\n"
NAMED = ImageSet(
    np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1),
    np.array([0, 1, 0, 1]),
    ("cat", "dog, old"),
    names=("a.png", "b.png", "c,d.png", 'e".png'),
)
UNNAMED = replace(NAMED, names=None)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def corrected(path: Path, images: ImageSet) -> ImageSet:
    return correct_labels(path, Splits(images)).train


def test_what_is_written_is_read_back_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    rows = [
        (NAMED.names[index], "train", index, NAMED.class_names[NAMED.labels[index]], "cat", 0.1)
        for index in range(4)
    ]  # fmt: skip
    write_image_list(path, COLUMNS, rows)
    read = read_image_list(path, COLUMNS, "data check")
    assert [row.name for row in read] == list(NAMED.names)
    assert np.array_equal(corrected(path, NAMED).labels, NAMED.labels)


def test_edited_labels_are_matched_by_name_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + '"c,d.png",train,2,"dog, old",cat,0.01\n')
    moved = NAMED.take(np.array([2, 0, 3, 1]))
    assert corrected(path, moved).labels.tolist() == [1, 0, 1, 1]
    assert corrected(path, moved).names == moved.names
    assert moved.labels.tolist() == [0, 0, 1, 1], "the set given stays as it is"


def test_without_names_the_index_counts_and_other_parts_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeffpart,index,label,name\ntrain,0,"dog, old",\ntest,1,cat,\n')
    both = correct_labels(path, Splits(UNNAMED, UNNAMED))
    assert both.train.labels.tolist() == [1, 1, 0, 1]
    assert both.test is not None
    assert both.test.labels.tolist() == [0, 0, 0, 1]


def test_a_note_counts_what_each_row_did(tmp_path: Path) -> None:
    text = (
        "name,part,index,label,suggested,score,corrected_label\n"
        'a.png,train,0,cat,"dog, old",0.1,"dog, old"\n'
        "b.png,train,1,,,,\n"
        '"c,d.png",train,2,cat,cat,0.1,\n'
        "z.png,train,3,cat,,,cat\n"
    )
    splits = correct_labels(written(tmp_path, text), Splits(NAMED))
    assert splits.train.labels.tolist() == [1, 1, 0, 1]
    (note,) = splits.load_report.notes
    assert note.endswith(
        "labels.csv corrects 1 label; 2 rows are empty or the label that the image has; 1 row "
        "lists an image that the source does not have: 'z.png'."
    )
    nothing = correct_labels(written(tmp_path, HEADER + "b.png,train,1,,,\n"), Splits(NAMED))
    (note,) = nothing.load_report.notes
    assert "corrects 0 labels; 1 row is empty" in note
    assert "its column 'corrected_label'" in note


def test_digests_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "b.png,train,1,cat,cat,0.01\n")
    known = replace(NAMED)
    digests = known.digests
    assert corrected(path, known).digests is digests
    assert corrected(path, known).fingerprint != known.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na.png,cat\n", "columns name, part, index, label, but has no part, index"),
        ("", "but has no name, part, index, label"),
        (HEADER + "a.png,train,one,cat,,\n", "Line 2 of .* whole number, but has 'one'"),
        (HEADER + "a.png,train,0,cat,,\na.png,train,0,cat,,\n", "lists 'a.png' more than once"),
        (HEADER + "z.png,train,0,cat,,\n", "has none of them: 'z.png'. Was it written for another"),
        (HEADER + "a.png,train,0,cta,,\n", r"uses 'cta'\. Did you mean 'cat'\?"),
        (HEADER + "a.png,tset,0,cat,,\n", "should correct the parts train, but lists 'tset'"),
        (HEADER + "a.png\n", "should correct the parts train, but lists ''"),
    ],
)  # fmt: skip
def test_an_invalid_table_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        corrected(written(tmp_path, text), NAMED)


def test_an_index_past_the_end_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + ",train,4,cat,,\n,train,-1,cat,,\n")
    with pytest.raises(DataError, match="has none of them: '4', '-1'"):
        corrected(path, UNNAMED)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        corrected(tmp_path / "absent.csv", NAMED)
    with pytest.raises(DataError, match="cannot be read"):
        corrected(tmp_path, NAMED)
