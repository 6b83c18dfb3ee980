"""Layouts of published datasets: their classes, splits and masks, or a sentence about them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.formats import detect_format
from clearsight.data.formats.folder import open_folder
from clearsight.data.listing import Listing
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from support.formats.image_tree import write_images

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def read(root: Path) -> Listing:
    return open_folder(root, SourceOptions())


@pytest.mark.parametrize("other", [DECOMPOSED, f"{COMPOSED} "])
def test_folders_whose_names_look_the_same_are_one_class(tmp_path: Path, other: str) -> None:
    write_images(tmp_path, f"train/{COMPOSED}/", "train/tea/", f"test/{other}/", "test/tea/")
    listing = read(tmp_path)
    assert listing.class_names == (COMPOSED, "tea")
    assert any("look the same are one class" in note for note in listing.notes)


@pytest.mark.parametrize(("one", "other"), [("great dane", "great_dane"), ("01", "1")])
def test_folders_whose_names_are_alike_are_noted(tmp_path: Path, one: str, other: str) -> None:
    write_images(tmp_path, f"train/{one}/", "train/pug/", f"test/{other}/", "test/pug/")
    notes = read(tmp_path).notes
    assert any(f"'{one}', '{other}' differ only" in note for note in notes)


def test_flat_folders_of_images_in_a_split_are_no_class(tmp_path: Path) -> None:
    # Tiny ImageNet: the labels of val/images are in a text file.
    write_images(tmp_path, "train/n01/images/", "train/n02/images/", "val/images/", "test/images/")
    listing = read(tmp_path)
    assert listing.class_names == ("n01", "n02")
    assert sum(listing.skipped.values()) == 4
    assert set(listing.parts) == {"train"}


def test_a_split_without_any_class_to_train_on_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path, "train/cat/", "train/dog/", "test/cats/", "test/dogs/")
    with pytest.raises(DataError, match=r"test \(cats, dogs\) none is among those for training"):
        read(tmp_path)


def test_masks_in_class_folders_are_skipped(tmp_path: Path) -> None:
    write_images(tmp_path, "covid/images/", "covid/masks/", "normal/images/", "normal/masks/")
    listing = read(tmp_path)
    assert {key.split("/")[1] for key in listing.keys} == {"images"}
    assert any("folder of masks" in reason for reason in listing.skipped)


def test_masks_next_to_images_are_noted(tmp_path: Path) -> None:
    write_images(
        tmp_path, "benign/1.png", "benign/1_mask.png", "normal/1.png", "normal/1_mask_2.png"
    )
    assert any(note.startswith("2 of 4 images are named like") for note in read(tmp_path).notes)


def test_images_and_their_segmentation_are_no_classes(tmp_path: Path) -> None:
    write_images(tmp_path, "VOC/JPEGImages/", "VOC/SegmentationClass/")
    with pytest.raises(DataError, match="'SegmentationClass' next to 'JPEGImages' seems to hold"):
        read(tmp_path)


def test_the_table_for_training_is_suggested(tmp_path: Path) -> None:
    write_images(tmp_path, "train/", "test/", "sample_submission.csv", "test.csv", "train.csv")
    with pytest.raises(DataError, match=r"if train\.csv has the labels, give that table"):
        read(tmp_path)


def test_archives_in_a_folder_are_named(tmp_path: Path) -> None:
    write_images(tmp_path, "train.zip", "test.zip")
    with pytest.raises(
        DataError, match=r"archives in it, such as test\.zip, are not opened: unpack"
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("labels.xlsx", "save it as CSV"),
        ("train.txt", "save it as CSV"),
        ("data.mat", "save its arrays with numpy.savez"),
        ("images.rar", "unpack it"),
        ("images.zip.001", "unpack it"),
        ("cat.png", "is a single image: give a folder of images"),
        ("unknown", r"\(no suffix\): `clearsight data list`"),
    ],
)
def test_a_file_of_another_kind_gets_advice(tmp_path: Path, name: str, advice: str) -> None:
    with pytest.raises(DataError, match=advice):
        detect_format(write_images(tmp_path, name) / name)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>404", "is a web page"),
    ],
)
def test_what_is_stored_instead_of_an_image_is_named(
    tmp_path: Path, content: bytes, found: str
) -> None:
    for path in ("a/1.png", "b/1.png"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(content)
    with pytest.raises(DataError, match=found):
        load_splits(str(tmp_path))


def test_values_that_mean_no_data_are_refused(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    values[0] = np.finfo(np.float32).min
    for path in ("a/1.tif", "b/1.tif"):
        (tmp_path / path).parent.mkdir()
        Image.fromarray(values).save(tmp_path / path)
    with pytest.raises(DataError, match=r"4 of 16 are NaN or infinite, or beyond 1e\+30"):
        load_splits(str(tmp_path))
