"""Images that a file lists are left out, and what it lists besides is reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.data.health.finding import Case, Finding, ImageReference
from clearsight.data.health.found_list import COLUMNS, found_rows, num_marked
from clearsight.data.image_list import write_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import BadFile
from clearsight.data.load_report import LoadReport
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.removal import remove_images
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError

TRAIN = ImageSet(
    np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1),
    np.array([0, 1, 0, 1, 0, 1]),
    ("cat", "dog"),
    names=("a/1.png", "a/2, old.png", 'b "3".png', "4", "5.png", "6.png"),
)
TEST = replace(TRAIN.first(2), names=("t/1.png", "t/2.png"))
NAMED = Splits(TRAIN, TEST)
UNNAMED = Splits(replace(TRAIN, names=None), replace(TEST, names=None))


def pixels(images: ImageSet | None) -> list[int]:
    assert images is not None
    return images.images.ravel().tolist()


def removed(tmp_path: Path, text: str, splits: Splits = NAMED) -> Splits:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    return remove_images(path, splits)


@pytest.mark.parametrize(
    "text",
    [
        "a/1.png\n4\n\nt/2.png\n",
        "name\na/1.png\n4\nt/2.png\n",
        "\ufeffname\r\na/1.png\r\n4\r\nt/2.png\r\n",
        "part,name,index\ntrain,a/1.png,0\ntrain,4,\ntest,t/2.png,1\n",
        "index,name,remove\n9,a/1.png,yes\n,4,x\n,t/2.png,True\n,5.png,no\n,6.png,\n",
    ],
)
def test_names_are_matched_in_every_form_of_list(tmp_path: Path, text: str) -> None:
    splits = removed(tmp_path, text)
    assert pixels(splits.train) == [1, 2, 4, 5]
    assert splits.train.names == ("a/2, old.png", 'b "3".png', "5.png", "6.png")
    assert pixels(splits.test) == [0]
    (sentence,) = splits.load_report.sentences
    assert sentence.endswith("lists them: 2 of 6 in train, 1 of 2 in test.")


def test_without_names_part_and_index_count(tmp_path: Path) -> None:
    splits = removed(tmp_path, "name,part,index\n,train,5\n,train,0\n,test,1\n", UNNAMED)
    assert pixels(splits.train) == [1, 2, 3, 4]
    assert pixels(splits.test) == [0]


def test_unknown_names_are_reported_and_bad_files_are_known(tmp_path: Path) -> None:
    splits = replace(NAMED, load_report=LoadReport(bad_files=(BadFile("bad.png", "It is bad."),)))
    changed = removed(tmp_path, "4\nno.png\nbad.png\n", splits)
    assert pixels(changed.train) == [0, 1, 2, 4, 5]
    sentence = changed.load_report.notes[-1]
    assert sentence.endswith("It also lists 1 that the source does not have: 'no.png'.")
    only_bad = removed(tmp_path, "bad.png\n", splits)
    assert only_bad.load_report.notes[-1].endswith("lists no image to leave out.")


def test_a_part_may_be_left_out_wholly_but_not_the_training_set(tmp_path: Path) -> None:
    assert removed(tmp_path, "t/1.png\nt/2.png\n").test is None
    with pytest.raises(DataError, match="should leave images to train on, but lists all of them"):
        removed(tmp_path, "name,part,index\n" + "".join(f",train,{n}\n" for n in range(6)), UNNAMED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x.png\ny.png\n", "has none of them: 'x.png', 'y.png'. Was it written for another"),
        ("name,part,index\n,train,9\n", "has none of them: 'train 9'"),
        ("name,remove\n4,maybe\n", "Line 2 of .* yes or nothing in its column 'remove', but says"),
        ("name,index\n4,one\n", "Line 2 of .* a whole number, but has 'one'"),
    ],
)
def test_an_invalid_list_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        removed(tmp_path, text, UNNAMED if "train" in text else NAMED)


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        remove_images(tmp_path / "absent.csv", NAMED)


@pytest.mark.parametrize("splits", [NAMED, UNNAMED], ids=["named", "unnamed"])
def test_what_the_checks_list_is_read_back(tmp_path: Path, splits: Splits) -> None:
    def reference(part: str, index: int) -> ImageReference:
        return ImageReference(part, index, splits.parts[part].name_of(index), "cat")

    pair = Case((reference("train", 2), reference("test", 0)), "cat", remove=0)
    kept = Case((reference("train", 3),), "dog")
    again = Case((reference("train", 2),), "cat", remove=0)
    values = {"severity": "problem", "count": 1, "total": 8, "message": "m", "advice": "a."}
    findings = [
        Finding("leak", "Leak", cases=(pair, kept, again), **values),  # type: ignore[arg-type]
        Finding("few", "Few", classes=("cat", "dog"), **values),  # type: ignore[arg-type]
        Finding("inverted", "Inverted", **values),  # type: ignore[arg-type]
    ]
    assert num_marked(findings) == 1
    rows = list(found_rows(findings, splits))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 7
    write_image_list(tmp_path / "found.csv", COLUMNS, rows)
    changed = remove_images(tmp_path / "found.csv", splits)
    assert pixels(changed.train) == [0, 1, 3, 4, 5]
    assert pixels(changed.test) == [0, 1]


def test_sources_and_objects_are_edited_alike(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,part,index\n,train,0\n,train,7\n")
    train, _ = clearsight.load_data("digits")
    left, _ = clearsight.load_data("digits", remove_list=tmp_path / "list.csv")
    assert np.array_equal(left.images, np.delete(train.images, [0, 7], axis=0))
    options = SourceOptions(remove_list=tmp_path / "list.csv")
    of_objects = splits_from_object((train.images, train.labels), options)
    assert np.array_equal(of_objects.train.images, left.images)
