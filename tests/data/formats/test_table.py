"""Tables: how paths are resolved, duplicate rows, and missing extras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clearsight.data.formats import FORMATS
from clearsight.data.formats.huggingface import open_named
from clearsight.data.formats.table import open_table
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from support.formats.breakage import PNG
from support.formats.broken_tables import csv_table, parquet_table


def opened(path: Path, **options: str) -> Listing:
    result = open_table(path, SourceOptions(**options))
    assert isinstance(result, Listing)
    return result


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    path = csv_table(tmp_path, "path,label", "1.png,a", "link.png,b", "same/2.png,b")
    (tmp_path / "link.png").symlink_to(tmp_path / "2.png")
    (tmp_path / "same").symlink_to(tmp_path)
    listing = opened(path)
    assert [content for _, content in listing.reader.each(listing.keys)] == [PNG] * 3


def test_a_folder_that_is_itself_a_link_counts_as_inside(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    csv_table(tmp_path / "real", "path,label", "1.png,a", f"{tmp_path / 'seen'}/2.png,b")
    (tmp_path / "seen").symlink_to(tmp_path / "real")
    assert opened(tmp_path / "seen" / "t.csv").keys == ("1.png", "2.png")


def test_duplicate_rows_count_once(tmp_path: Path) -> None:
    lines = ("1.png,a,train", "2.png,b,train", "./1.png,a,train", "2.png,b,test")
    listing = opened(csv_table(tmp_path, "path,label,split", *lines))
    assert listing.keys == ("1.png", "2.png")
    assert listing.skipped == {"duplicate row": 2}
    assert "1 duplicate rows put an image into another split than its first row" in listing.notes[0]
    assert listing.parts == ("train", "train")


def test_rows_without_a_split_are_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "3.png").write_bytes(PNG)
    lines = ("1.png,a,train", "2.png,b,train", "3.png,b,")
    listing = opened(csv_table(tmp_path, "path,label,split", *lines))
    assert listing.skipped == {"row without a split": 1}


def test_images_without_a_group_are_groups_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "3.png").write_bytes(PNG)
    lines = ("1.png,a,Ann", "2.png,b,", "3.png,b,")
    listing = opened(csv_table(tmp_path, "path,label,who", *lines), group_column="who")
    assert listing.groups == ("Ann", "(line 3)", "(line 4)")


def test_the_signature_changes_with_the_images_and_the_columns(tmp_path: Path) -> None:
    path = csv_table(tmp_path, "path,label,other", "1.png,a,x", "2.png,b,y")
    before = opened(path).signature
    assert opened(path).signature == before
    assert opened(path, label_column="other").signature != before
    (tmp_path / "1.png").write_bytes(PNG + b"!")
    assert opened(path).signature != before


def test_a_class_without_images_in_a_table_is_empty(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ant\nbee\ncow\n")
    path = csv_table(tmp_path, "path,label", "1.png,0", "2.png,2")
    listing = opened(path, class_names=str(tmp_path / "names.txt"))
    assert listing.class_names == ("ant", "cow")
    assert listing.labels.tolist() == [0, 1]
    assert listing.empty_classes == ("bee",)


def test_cells_may_hold_delimiters_and_line_breaks_in_quotation_marks(tmp_path: Path) -> None:
    lines = ('1.png,a,"x; y, z\n""more"""', "2.png,b,")
    assert opened(csv_table(tmp_path, "path,label,note", *lines)).keys == ("1.png", "2.png")


NOT_INSTALLED = """
import sys
from pathlib import Path
for name in ("pyarrow", "datasets"):
    sys.modules[name] = None
from clearsight.data.formats import huggingface, table
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import MissingExtraError
for opener, argument in (
    (table.open_table, Path(sys.argv[1])), (huggingface.open_named, "hf:ylecun/mnist")
):
    try:
        opener(argument, SourceOptions())
    except MissingExtraError as error:
        print(error)
"""


def test_missing_extras_give_the_install_line(tmp_path: Path) -> None:
    path = parquet_table(tmp_path, {"image": [PNG, PNG], "label": ["a", "b"]})
    done = subprocess.run(
        [sys.executable, "-c", NOT_INSTALLED, path], capture_output=True, text=True, check=True
    )
    parquet, hub = done.stdout.splitlines()
    assert "run pip install 'clearsight[parquet]'" in parquet
    assert "run pip install 'clearsight[huggingface]'" in hub


def test_formats_load_nothing_heavy() -> None:
    heavy = {"pyarrow", "datasets", "pandas", "torch", "keras"}
    program = f"import sys, clearsight.data.formats; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_a_dataset_on_the_hub_without_a_network_gives_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import datasets

    def unreachable(*_: object) -> None:
        raise ConnectionError("Couldn't reach the hub\nand more lines.")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(
        DataError, match=r"cannot be loaded \(Couldn't reach the hub\): check its name"
    ):
        open_named("hf:nobody/nothing", SourceOptions())


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import datasets

    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def test_a_dataset_is_read_by_name_from_the_librarys_cache(tmp_path: Path, hub_cache: Path) -> None:
    # The library accepts a folder as a name, without a network.
    (tmp_path / "set").mkdir()
    for part, count in (("train", 3), ("test", 2)):
        cells = [{"bytes": PNG, "path": None}] * count
        written = parquet_table(tmp_path, {"image": cells, "label": ["a", "b", "b"][:count]})
        written.rename(tmp_path / "set" / f"{part}-00000-of-00001.parquet")
    listing = open_named(f"hf:{tmp_path / 'set'}", SourceOptions())
    assert listing.class_names == ("a", "b")
    assert listing.parts == ("train",) * 3 + ("test",) * 2
    assert [content for _, content in listing.reader.each(listing.keys)] == [PNG] * 5
    assert str(hub_cache) in listing.signature


def test_images_that_stay_files_of_a_dataset_are_read(tmp_path: Path, hub_cache: Path) -> None:
    for name in ("train/a/1.png", "train/b/2.png", "test/b/3.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(PNG)
    listing = open_named(f"hf:{tmp_path / 'set'}", SourceOptions())
    assert listing.class_names == ("a", "b")
    assert [content for _, content in listing.reader.each(listing.keys)] == [PNG] * 3
    (tmp_path / "set/train/a/1.png").unlink()
    found = dict(listing.reader.each(listing.keys))
    assert sorted(type(content).__name__ for content in found.values()) == [
        "DataError", "bytes", "bytes",
    ]  # fmt: skip


def test_every_format_has_a_summary() -> None:
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    for form in FORMATS:
        assert form.summary
        assert not form.matches(Path("no such path"))
