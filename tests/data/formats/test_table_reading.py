"""Tables are read as their owners mean them: headers, delimiters, and labels of every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.data.formats import check_options, detect_format
from clearsight.data.formats.label_cells import single_labels
from clearsight.data.formats.table import open_table
from clearsight.data.labels.encode import encode_labels
from clearsight.data.listing import Listing
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from support.formats.breakage import PNG
from support.formats.broken_tables import parquet_table

LABELS = ["cat", "dog", "dog", "cat", "emu", "dog"]


def write(folder: Path, lines: list[str], *, name: str = "t.csv", encoding: str = "utf-8") -> Path:
    """Write a table next to the images 0.png to 9.png."""
    for number in range(10):
        (folder / f"{number}.png").write_bytes(PNG)
    (folder / name).write_text("\n".join(lines) + "\n", encoding=encoding)
    return folder / name


def read(path: Path, **options: Any) -> Listing:
    listing = open_table(path, SourceOptions(**options))
    assert isinstance(listing, Listing)
    return listing


def labels_of(listing: Listing) -> dict[str, str]:
    return {
        key: listing.class_names[label]
        for key, label in zip(listing.keys, listing.labels, strict=True)
    }


EXPECTED = {f"{number}.png": label for number, label in enumerate(LABELS)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "~"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("has_header", [True, False])
def test_delimiter_encoding_and_header_are_found(
    tmp_path: Path, delimiter: str, encoding: str, has_header: bool
) -> None:
    lines = [f"{number}.png{delimiter}{label}" for number, label in enumerate(LABELS)]
    header = [f"image{delimiter}label"] if has_header else []
    listing = read(write(tmp_path, header + lines, encoding=encoding))
    assert labels_of(listing) == EXPECTED
    assert len(listing.notes) == (0 if has_header else 1)
    assert has_header or "has no header, so its first line is data" in listing.notes[0]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;"])
def test_a_separator_line_decides(tmp_path: Path, first: str) -> None:
    lines = [f"{number}.png;{label};1,2" for number, label in enumerate(LABELS)]
    path = write(tmp_path, [first, "image;label;note", *lines])
    assert labels_of(read(path)) == EXPECTED
    blank = [first, "image;label;note", *lines[:5], ";dog;"]
    assert read(write(tmp_path, blank)).bad_rows[0].name == "line 8"


def test_a_delimiter_within_cells_is_none(tmp_path: Path) -> None:
    lines = [f'{number}.png,{label},"a; b; c | d"' for number, label in enumerate(LABELS)]
    assert labels_of(read(write(tmp_path, ["image,label,note", *lines]))) == EXPECTED


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["{n}.png,{label}"], {}),
        (["{label},{n}.png"], {}),
        (["{n}.png,train,{label}"], {}),
        (["{n}.png,{label},x{n}"], {"label_column": "2"}),
        (["{n},{label}"], {}),  # names without a suffix differ, labels repeat
        (["{n},{label}"], {"header": False}),
        (["{n},{label}"], {"header": False, "image_column": "1", "label_column": "2"}),
    ],
)
def test_columns_without_header_are_found_by_what_they_hold(
    tmp_path: Path, lines: list[str], options: dict[str, Any]
) -> None:
    rows = [lines[0].format(n=number, label=label) for number, label in enumerate(LABELS)]
    listing = read(write(tmp_path, rows), **options)
    assert labels_of(listing) == EXPECTED
    assert "its columns are called 1, 2, ...: images in column" in listing.notes[0]


def test_no_row_is_lost_to_a_header_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, ["0.png,a", "1.png,b"])
    with pytest.raises(DataError, match=r"no header; its first line is '0.png', 'a'\)"):
        read(path, image_column="0.png", label_column="a")
    path = write(tmp_path, ["0.png,a,x", "1.png,b,y"])
    with pytest.raises(DataError, match=r"columns are '1', '2', '3' \(it has no header.*"):
        read(path)


def test_a_header_is_not_read_as_data(tmp_path: Path) -> None:
    path = write(tmp_path, ["image,label", "0.png,a", "1.png,b"])
    with pytest.raises(DataError, match="first line names the columns 'image', 'label': leave"):
        read(path, header=False)
    with pytest.raises(DataError, match=r"if its first line is data, add header=False\)"):
        read(write(tmp_path, ["where,what", "0.png,a", "1.png,b"]))
    path = parquet_table(tmp_path, {"image": [PNG, PNG], "label": ["a", "b"]})
    with pytest.raises(DataError, match="always names its columns: leave header=False out"):
        read(path, header=False)
    form = detect_format(tmp_path)
    with pytest.raises(DataError, match="header= was given"):
        check_options(SourceOptions(header=False), form.options, "The folder")


@pytest.mark.parametrize("has_header", [True, False])
def test_pixels_are_read_without_header_too(tmp_path: Path, has_header: bool) -> None:
    """As in the usual CSV files of MNIST: the label first, then the pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9))
    lines = [",".join(map(str, (number % 2, *row))) for number, row in enumerate(pixels)]
    header = [",".join(["label", *(f"pixel{number}" for number in range(9))])]
    splits = open_table(write(tmp_path, header * has_header + lines), SourceOptions())
    assert isinstance(splits, Splits)
    assert np.array_equal(splits.train.images.reshape(6, 9), pixels)
    assert splits.train.labels.tolist() == [0, 1] * 3
    notes = splits.load_report.notes
    assert any("...: labels in column 1" in note for note in notes) != has_header


ONE_HOT = [[int(label == name) for name in ("cat", "dog", "emu")] for label in LABELS]


@pytest.mark.parametrize("form", [int, float, bool])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_one_hot_columns_are_the_label(tmp_path: Path, form: type, kind: str) -> None:
    names = ["cat", "dog", "emu", "fox"]
    rows = [[form(mark) for mark in (*row, 0)] for row in ONE_HOT]
    # Another column of 0 and 1 is apart from them, and means something else.
    flipped = [1, 1, 0, 0, 1, 0]
    if kind == "csv":
        lines = ["is_flipped,image,cat,dog,emu,fox"]
        for number, row in enumerate(rows):
            lines.append(",".join(map(str, (flipped[number], f"{number}.png", *row))))
        listing = read(write(tmp_path, lines))
    else:
        write(tmp_path, [])
        columns: dict[str, Any] = {"is_flipped": flipped}
        columns["image"] = [f"{number}.png" for number in range(6)]
        columns |= {name: [row[place] for row in rows] for place, name in enumerate(names)}
        listing = read(parquet_table(tmp_path, columns))
    assert labels_of(listing) == EXPECTED
    assert listing.empty_classes == ("fox",)
    assert "columns 'cat', 'dog', 'emu', 'fox' are one-hot labels" in listing.notes[0]


def test_one_hot_rows_with_several_marks_or_none_are_reported(tmp_path: Path) -> None:
    lines = [f"{number}.png,{','.join(map(str, row))}" for number, row in enumerate(ONE_HOT)]
    lines += ["6.png,0,0,0", "7.png,1,1,0"]
    listing = read(write(tmp_path, ["image,cat,dog,emu", *lines]))
    assert labels_of(listing) == EXPECTED
    assert listing.skipped == {"row without a label": 1}
    assert [bad.problem for bad in listing.bad_rows] == [
        "Line 9 should have one label, but has 'cat', 'dog': keep one."
    ]


def test_two_groups_of_one_hot_columns_are_not_guessed_between(tmp_path: Path) -> None:
    lines = ["0.png,1,0,0,1", "1.png,0,1,1,0", "2.png,1,0,1,0", "3.png,0,1,0,1"]
    path = write(tmp_path, ["image,male,female,cat,dog", *lines])
    with pytest.raises(
        DataError, match="or with label_column='male,female,cat,dog' if each of these columns"
    ):
        read(path)
    found = read(path, label_column="cat,dog")
    assert list(labels_of(found).values()) == ["dog", "cat", "cat", "dog"]


def test_columns_that_rarely_hold_a_single_one_are_no_labels(tmp_path: Path) -> None:
    lines = [f"{number}.png,{number % 2},{number % 2}" for number in range(6)]
    with pytest.raises(DataError, match="should have a column of labels with a usual name"):
        read(write(tmp_path, ["image,is_night,is_dark", *lines]))


SEVERAL = {
    "pipes": (["cat", "dog", "cat|dog"], ["cat", "dog"]),
    "pipes, one of them alone": (["cat", "dog", "cat|emu"], ["cat", "emu"]),
    "pipes only": (["cat|dog", "dog|emu", "emu"], ["cat", "dog"]),
    "semicolons": (["cat", "dog", "cat; dog"], ["cat", "dog"]),
    "commas": (["cat", "dog", "cat, dog"], ["cat", "dog"]),
    "spaces": (["cat", "dog", "cat dog"], ["cat", "dog"]),
    "slashes": (["cat", "dog", "cat/dog"], ["cat", "dog"]),
    "a list": (["cat", "dog", ["cat", "dog"]], ["cat", "dog"]),
    "a list as text": (["cat", "dog", "['cat', 'dog']"], ["cat", "dog"]),
    "lists of numbers": ([[1], [2], [1, 2]], ["1", "2"]),
    "vectors": ([[0, 1, 0], [1, 0, 0], [1, 1, 0]], ["0", "1"]),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_labels_in_a_cell_are_found(form: str) -> None:
    cells, expected = SEVERAL[form]
    labels, several = single_labels(cells)
    row = 0 if form == "pipes only" else 2
    assert several[row] == expected
    assert labels[row] is None
    if row:
        assert set(several) == {2}
        assert None not in labels[:2]


@pytest.mark.parametrize(
    "cells",
    [
        ["golden retriever", "labrador", "golden eagle", "retriever"],
        ["T-shirt/top", "Trouser", "Ankle boot"],
        ["tench, Tinca tinca", "crane, bird", "crane, machine"],
        ["cat|dog", "emu"],
        ["[x]", "[y"],
        ["007", "7", "1.5"],
        [3, 5, 7],
        [True, False],
    ],
)
def test_names_with_separators_stay_names(cells: list[Any]) -> None:
    assert single_labels(cells) == (cells, {})


def test_a_combination_that_is_a_class_is_listed_among_the_names() -> None:
    assert single_labels(["cat", "dog", "cat dog"], ["cat", "dog", "cat dog"])[1] == {}


@given(
    labels=st.lists(st.sampled_from(["cat", "dog", "a b", "x/y", "0", "12"]), min_size=1),
    separator=st.sampled_from("|;"),
)
def test_joined_labels_are_told_from_single_ones(labels: list[str], separator: str) -> None:
    alone = sorted({*labels})
    cells = [*alone, separator.join(labels)]
    expected = {len(alone): labels} if len(labels) > 1 else {}
    assert single_labels(cells)[1] == expected


def lines_with(cells: list[str]) -> list[str]:
    """A table of ten images, all labelled, and these rows."""
    lines = ["image,label", *(f"{number}.png,{'ab'[number % 2]}" for number in range(10))]
    return lines + cells


def test_rows_with_several_labels_are_few_or_allowed(tmp_path: Path) -> None:
    one = [*lines_with([])[:-1], "9.png,a|b"]
    listing = read(write(tmp_path, one))
    assert len(listing) == 9
    assert listing.bad_rows[0].problem == (
        "Line 11 should have one label, but has 'a', 'b': keep one, or list 'a|b' in class_names= "
        "if it is a class of its own."
    )
    many = [*lines_with([])[:-3], "7.png,a|b", "8.png,a|b", "9.png,a|b"]
    path = write(tmp_path, many)
    with pytest.raises(DataError, match=r"but 3 of 10 are: fix or remove .* allow_bad=True"):
        read(path)
    assert len(read(path, allow_bad=True)) == 7


def test_blank_paths_are_bad_files(tmp_path: Path) -> None:
    images = [np.full((8, 8), 20 * number, np.uint8) for number in range(10)]
    path = write(tmp_path, lines_with([",a"]))
    from PIL import Image

    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    report = load_splits(str(path)).load_report
    assert report.num_listed == 11
    assert [bad.name for bad in report.bad_files] == ["line 12"]
    assert "Line 12 should contain the path of an image, but it is empty" in report.sentences[-1]
    path = write(tmp_path, lines_with([",a", "nan,b", "  ,a"]))
    with pytest.raises(DataError, match="may be unusable, but 3 of 13 are"):
        read(path)
    assert len(read(path, allow_bad=True).bad_rows) == 3
    table = {"image": ["0.png", None, "1.png"], "label": ["a", "b", "b"]}
    assert read(parquet_table(tmp_path, table)).bad_rows[0].name == "row 1 of t.parquet"


@pytest.mark.parametrize("cell", ["nan", "NaN", "NAN", "<NA>", "#N/A"])
def test_nan_is_no_class(tmp_path: Path, cell: str) -> None:
    listing = read(write(tmp_path, [*lines_with([])[:-1], f"9.png,{cell}"]))
    assert listing.class_names == ("a", "b")
    assert listing.skipped == {f"row with the label '{cell}'": 1}
    assert len(listing) == 9
    with pytest.raises(DataError, match=f"1 of 3 are '{cell}'"):
        encode_labels(["a", "b", cell])


def test_a_class_called_nan_may_be_listed(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\nb\nnan\n")
    path = write(tmp_path, [*lines_with([])[:-1], "9.png,nan"])
    names = tmp_path / "names.txt"
    assert labels_of(read(path, class_names=names))["9.png"] == "nan"
    assert encode_labels(["a", "nan"], None if not names else _names(names)).codes.tolist() == [
        0,
        2,
    ]


def _names(path: Path) -> Any:
    from clearsight.data.labels.class_names import read_class_names

    return read_class_names(path)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["1", "2", "10"], ("1", "2", "10")),
        (["1.0", "2.0", "10.0"], ("1", "2", "10")),  # as pandas writes next to missing ones
        (["007", "7", "08"], ("007", "08", "7")),
        (["None", "NA", "null"], ("NA", "None", "null")),
    ],
)
def test_numbers_and_words_stay_classes(tmp_path: Path, cells: list[str], names: tuple) -> None:
    lines = [f"{number}.png,{cells[number % 3]}" for number in range(9)]
    listing = read(write(tmp_path, ["image,label", *lines, "9.png,nan"]))
    assert listing.class_names == names


def test_missing_labels_of_a_parquet_file_are_no_class(tmp_path: Path) -> None:
    write(tmp_path, [])
    images = [f"{number}.png" for number in range(6)]
    for labels in ([1.0, 2.0, float("nan"), 1.0, 2.0, None], ["1", "2", "nan", "1", "2", ""]):
        listing = read(parquet_table(tmp_path, {"image": images, "label": labels}))
        assert listing.class_names == ("1", "2")
        assert len(listing) == 4
        assert sum(listing.skipped.values()) == 2


def test_lists_of_labels_in_a_parquet_file(tmp_path: Path) -> None:
    write(tmp_path, [])
    images = [f"{number}.png" for number in range(6)]
    labels = [["a"], ["b"], ["a", "b"], [], ["a"], ["b"]]
    listing = read(parquet_table(tmp_path, {"image": images, "label": labels}))
    assert list(labels_of(listing).values()) == ["a", "b", "a", "b"]
    assert listing.bad_rows[0].problem.startswith("Row 2 of t.parquet should have one label")
    vectors = [[1.0, 0.0], [0.0, 1.0]] * 3
    listing = read(parquet_table(tmp_path, {"image": images, "label": vectors}))
    assert listing.labels.tolist() == [0, 1] * 3
