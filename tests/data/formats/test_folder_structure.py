"""Which folders are classes and which are splits, on disk and in archives."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from clearsight.data.formats.archive import open_archive
from clearsight.data.formats.folder import open_folder
from clearsight.data.formats.folder_structure import find_structure
from clearsight.data.listing import Listing
from clearsight.data.part_names import part_of_folder
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError, RequestError
from support.formats.image_tree import write_images


def as_folder(root: Path, options: SourceOptions) -> Listing:
    return open_folder(root, options)


def as_zip(root: Path, options: SourceOptions) -> Listing:
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(root))
    return open_archive(path, options)


def as_tar(root: Path, options: SourceOptions) -> Listing:
    path = root.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(root, "a folder around everything")
    return open_archive(path, options)


Reader = Callable[[Path, SourceOptions], Listing]
every_container = pytest.mark.parametrize("read", [as_folder, as_zip, as_tar])


def counts(listing: Listing) -> dict[tuple[str | None, str], int]:
    """The number of images of each part and class."""
    names = [listing.class_names[label] for label in listing.labels]
    return dict(Counter(zip(listing.parts, names, strict=True)))


CATS_AND_DOGS = {("train", "cats"): 2, ("train", "dogs"): 2}
TESTED = {**CATS_AND_DOGS, ("test", "cats"): 2, ("test", "dogs"): 2}
VALIDATED = {**CATS_AND_DOGS, ("validation", "cats"): 2, ("validation", "dogs"): 2}


def both(*folders: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}/" for folder in folders for name in ("cats", "dogs"))


@every_container
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (both("training_set", "test_set"), TESTED),
        (both("seg_train/seg_train", "seg_test/seg_test"), TESTED),
        ((*both("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/seg_pred/"), TESTED),
        (both("train_images", "val_images"), VALIDATED),
        (both("archive/dataset/train", "archive/dataset/test"), TESTED),
        (both("Train_Data", "Test_Data"), TESTED),
        (both("TRAIN", "TEST"), TESTED),
        (both("trainset", "validset"), VALIDATED),
        (both("data/train2017", "data/val2017"), VALIDATED),
        (both("train/images", "test/images"), TESTED),
        ((*both("set/train", "set/test"), "cover.png"), TESTED),
        ((*both("chest/train", "chest/test"), *both("chest/chest/train")), TESTED),
        (both("train/train", "train/val"), VALIDATED),
        ((*both("train"), "test/1.png", "test/2.png"), CATS_AND_DOGS),
        (("cats/train/", "cats/test/", "dogs/train/", "dogs/test/"), TESTED),
        ((*both("train"), "test/dogs/"), {**CATS_AND_DOGS, ("test", "dogs"): 2}),
        (both("train_val", "test"), TESTED),
        (both("first zip/Train", "second zip/Test"), TESTED),
        (("cats/train/", "cats/test/", "dogs/train/", "dogs/test/", "dogs/other/"), TESTED),
        (both("images/all"), {(None, "cats"): 2, (None, "dogs"): 2}),
        (both("my test"), {(None, "cats"): 2, (None, "dogs"): 2}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_splits_are_recognized(
    tmp_path: Path, read: Reader, paths: tuple[str, ...], expected: dict
) -> None:
    assert counts(read(write_images(tmp_path / "set", *paths), SourceOptions())) == expected


@every_container
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("train/", "tram/", "bus/"), {"train", "tram", "bus"}),
        (("train/2023/", "tram/2023/", "bus/2024/"), {"train", "tram", "bus"}),
        (("test tube/", "flask/"), {"test tube", "flask"}),
        (("test_tube/big/", "flask/old/"), {"test_tube", "flask"}),
        (("set a/", "set b/"), {"set a", "set b"}),
        (("cats/", "cats/augmented/", "dogs/2023-05/"), {"cats", "dogs"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_classes_with_names_like_splits_stay_classes(
    tmp_path: Path, read: Reader, paths: tuple[str, ...], expected: set[str]
) -> None:
    listing = read(write_images(tmp_path / "set", *paths), SourceOptions())
    assert set(listing.class_names) == expected
    assert set(listing.parts) == {None}
    assert len(listing) == 2 * len(paths)


@every_container
@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (both("valid", "test"), "should have a folder of training images, but has only folders"),
        (both("fold1", "fold2"), "but fold1, fold2 all have the folders cats, dogs: give only one"),
        (
            both("site_a", "site_b"),
            r"dogs: .* class_folders='inner' \(cats, dogs\) or 'outer' \(site",
        ),
        (
            ("entrenamiento/perro/", "entrenamiento/gato/", "prueba/perro/", "prueba/gato/"),
            "but entrenamiento, prueba all have the folders gato, perro: give only one of them, "
            "call one train and another test, or say which are the classes",
        ),
        (
            both(*(f"set/{part}/site {site}" for part in ("train", "test") for site in "ab")),
            "but site a, site b all have the folders cats, dogs",
        ),
        ((*both("site_a", "site_b"), "site_a/birds/"), "the folders cats, dogs"),
        (
            tuple(f"{breed}/{view}/" for breed in "abcd" for view in ("front", "side")),
            "a, b, c, ...",
        ),
        (("train/", "test/"), r"seem to be splits \(test, train\) without class folders"),
        (("train/", "test/", "extra/"), "seem to be splits"),
        (("trainA/", "trainB/", "testA/", "testB/"), "seem to be splits"),
        (("images/", "masks/"), "'masks' next to 'images' seems to hold masks"),
        (both("images", "masks"), "give only the folder of images"),
        (("train/images/", "val/images/"), "but holds images in no folder"),
        (("images/train/", "images/val/", "labels/train/1.txt"), "annotated for object detection"),
        (("train/", "test/", "labels.csv"), r"if .*labels\.csv has the labels, give that table"),
        (
            tuple(f"train/{name}.{i}.jpg" for name in ("cat", "dog") for i in range(3)),
            r"file.* \(.*train/cat\.0\.jpg\), add label_pattern='\^\(\?P<label>\[a-z\]\+\)\\\\\.'",
        ),
        (
            tuple(f"{name}_{i}.png" for name in ("great dane", "pug") for i in range(3)),
            "add label_pattern=",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_unclear_folders_are_refused_with_advice(
    tmp_path: Path, read: Reader, paths: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(write_images(tmp_path / "set", *paths), SourceOptions())


@every_container
@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"class_folders": "inner"}, {"cats": 4, "dogs": 4}),
        ({"class_folders": "outer"}, {"site_a": 4, "site_b": 4}),
        (
            {"nested_classes": True},
            {f"{site}/{name}": 2 for site in ("site_a", "site_b") for name in ("cats", "dogs")},
        ),
    ],
)
def test_the_user_says_which_folders_are_the_classes(
    tmp_path: Path, read: Reader, option: dict, expected: dict[str, int]
) -> None:
    root = write_images(tmp_path / "set", *both("site_a", "site_b"))
    listing = read(root, SourceOptions(**option))
    assert counts(listing) == {(None, name): number for name, number in expected.items()}
    paths = [f"{part}/{path}" for part in ("train", "test") for path in both("site_a", "site_b")]
    divided = read(write_images(tmp_path / "divided", *paths), SourceOptions(**option))
    assert counts(divided) == {
        (part, name): number for part in ("train", "test") for name, number in expected.items()
    }


@every_container
@pytest.mark.parametrize(
    "paths",
    [
        [f"{name}/{year}/" for name in ("cats", "dogs") for year in ("2023", "2024-05")],
        ["cats/old/", "dogs/old/"],
        [*both("site_a", "site_b"), "site_a/1.png"],
        ["cats/a/", "cats/b/", "dogs/c/", "dogs/d/"],
    ],
    ids=str,
)
def test_folders_inside_classes_that_are_dates_or_differ_are_merged(
    tmp_path: Path, read: Reader, paths: list[str]
) -> None:
    listing = read(write_images(tmp_path / "set", *paths), SourceOptions())
    assert listing.class_names in (("cats", "dogs"), ("site_a", "site_b"))


@every_container
def test_the_decision_is_one_sentence(tmp_path: Path, read: Reader) -> None:
    root = write_images(
        tmp_path / "set", *both("training_set", "test_set"), "training_set/dogs/old/"
    )
    listing = read(root, SourceOptions())
    assert re.fullmatch(
        r"2 classes: cats, dogs; 2 splits: train \(.*training_set\), test \(.*test_set\); "
        r"folders inside classes: merged\.",
        listing.decisions[0],
    )
    nested = read(root, SourceOptions(nested_classes=True))
    assert nested.class_names == ("cats", "dogs", "dogs/old")
    assert nested.decisions[0].endswith("folders inside classes: classes of their own.")
    names = [f"{number:03}/" for number in range(150)]
    many = write_images(tmp_path / "many", *names)
    assert as_folder(many, SourceOptions()).decisions == (), "plain classes are no decision"
    many = write_images(tmp_path / "split", *(f"train/{name}" for name in names), "test/001/")
    assert "008, 009 and 140 more; 2 splits" in as_folder(many, SourceOptions()).decisions[0]


@every_container
def test_system_folders_are_no_classes(tmp_path: Path, read: Reader) -> None:
    junk = ("@eaDir", "$RECYCLE.BIN", "lost+found", "__MACOSX", ".hidden", "#recycle",
            "System Volume Information", "cats/@eaDir/1.jpg")  # fmt: skip
    root = write_images(tmp_path / "set", "cats/", "dogs/", *(f"{name}/" for name in junk))
    listing = read(root, SourceOptions())
    assert listing.class_names == ("cats", "dogs")
    assert len(listing) == 4
    assert sum(listing.skipped.values()) == len(junk)
    assert listing.empty_classes == ()


@every_container
def test_labels_in_file_names(tmp_path: Path, read: Reader) -> None:
    names = [f"{name}.{number}.png" for name in ("cat", "dog") for number in range(2)]
    root = write_images(
        tmp_path / "set", *(f"train/{name}" for name in names), "test/1.png", "test/2.png"
    )
    listing = read(root, SourceOptions(label_pattern=r"(?P<label>[a-z]+)\."))
    assert counts(listing) == {("train", "cat"): 2, ("train", "dog"): 2}
    assert [text.partition("(")[2] for text in listing.skipped] == [
        f"no label in its name, by label_pattern=; {max(listing.keys).rpartition('train/')[0]}"
        "test/1.png, ...)"
    ]
    with pytest.raises(DataError, match=r"'\[0-9\]\(\?P<label>x\)' finds none in names such as"):
        read(root, SourceOptions(label_pattern="[0-9](?P<label>x)"))
    with pytest.raises(DataError, match="should have a folder of training images"):
        read(
            write_images(tmp_path / "b", "val/a1.png", "val/b1.png", "test/a1.png", "test/b1.png"),
            SourceOptions(label_pattern="(?P<label>[a-z])[0-9]"),
        )


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "a regular expression"), ("[a-z]+", "a group called label")]
)
def test_an_invalid_label_pattern_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        SourceOptions(label_pattern=pattern)


@pytest.mark.parametrize(
    ("name", "part"),
    [("trainval", "train"), ("X_Train", "train"), ("DevSet", "validation"), ("testing-2", "test"),
     ("train_and_test", None), ("train_and_val", "train"), ("latest", None),
     ("contest", None), ("strain", None)],
)  # fmt: skip
def test_names_of_parts(name: str, part: str | None) -> None:
    assert part_of_folder(name) == part


def test_a_split_of_one_class_in_a_folder_of_its_own_name() -> None:
    folders = ["train/cats", "train/dogs", "test/test/cats"]
    structure = find_structure(folders)
    assert [structure.role(folder).class_name(False) for folder in folders] == [
        "cats",
        "dogs",
        "cats",
    ]
