"""Which files an argument of ``predict`` stands for, and what is said about all others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.image_suffixes import missing_reader
from clearsight.errors import DataError
from clearsight.predict.image_files import ImageFiles, find_image_files

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the current one, with images, other files, and links inside and outside."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos/cats", "elsewhere"):
        Path(folder).mkdir(parents=True)
    for path in ("photos/1.jpg", "photos/cats/2.png", "elsewhere/3.png"):
        Image.fromarray(PIXELS).save(path)
    Image.fromarray(PIXELS).save("photos/scan", "TIFF")
    Path("photos/notes.txt").write_text("no image")
    Path("photos/.DS_Store").write_text("")
    return Path("photos")


@pytest.fixture
def without_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    missing_reader.cache_clear()
    yield
    missing_reader.cache_clear()


def found(text: str, **options: bool) -> ImageFiles:
    files = find_image_files(text, **options)
    assert files is not None
    return files


def test_a_folder_is_searched_and_what_is_no_image_is_counted(photos: Path) -> None:
    files = found("photos")
    assert files.paths == ("photos/1.jpg", "photos/scan", "photos/cats/2.png")
    assert files.problems == {}
    assert files.notes == ("Skipped: 1 x .DS_Store (hidden), 1 x notes.txt (not an image).",)


def test_links_are_followed_inside_the_folder_and_listed_otherwise(photos: Path) -> None:
    Path("photos/again.jpg").symlink_to("1.jpg")
    Path("photos/more").symlink_to("../elsewhere")
    Path("photos/three.png").symlink_to("../elsewhere/3.png")
    Path("photos/broken.png").symlink_to("nowhere.png")
    files = found("photos")
    reason = "link out of the folder, followed with follow_links=True"
    assert files.problems == {
        "photos/more": f"photos/more was not read ({reason}).",
        "photos/three.png": f"photos/three.png was not read ({reason}).",
    }
    own = {"photos/1.jpg", "photos/again.jpg", "photos/broken.png", "photos/scan",
           "photos/cats/2.png"}  # fmt: skip
    assert set(files.paths) == own | set(files.problems)
    followed = found("photos", follow_links=True)
    assert followed.problems == {}
    assert set(followed.paths) == own | {"photos/three.png", "photos/more/3.png"}


@pytest.mark.usefixtures("without_heif")
@pytest.mark.parametrize("name", ["IMG_4.HEIC", "img.heif", "burst.hif"])
def test_a_format_that_needs_an_extra_is_listed_with_its_install_line(
    photos: Path, name: str
) -> None:
    (photos / name).write_bytes(b"\0\0\0\x18ftypheic")
    path = f"photos/{name}"
    problem = f"{path} was not read (needs pillow-heif: pip install 'clearsight[heic]')."
    assert found("photos").problems == {path: problem}
    assert found("photos/*").problems == {path: problem}
    assert path in found("photos").paths


@pytest.mark.parametrize("name", ["scan.dcm", "IMG_1.CR2", "logo.svg", "new.jxl"])
def test_an_image_of_a_format_that_is_not_read_is_listed(photos: Path, name: str) -> None:
    (photos / name).write_bytes(b"")
    (problem,) = found("photos").problems.values()
    assert problem == (
        f"photos/{name} was not read (unsupported format: convert it to PNG or TIFF)."
    )


@pytest.mark.usefixtures("without_heif")
def test_nothing_but_files_that_cannot_be_read_is_still_listed(photos: Path) -> None:
    phone = photos / "phone"
    phone.mkdir()
    (phone / "1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    files = found("photos/phone")
    assert files.paths == tuple(files.problems) == ("photos/phone/1.HEIC",)


def test_a_folder_or_pattern_without_images_says_what_is_there(photos: Path) -> None:
    (photos / "empty").mkdir()
    with pytest.raises(DataError, match=r"^photos/empty should hold images, but holds none\.$"):
        find_image_files("photos/empty")
    (photos / "empty" / "a.mp4").write_text("")
    with pytest.raises(DataError, match=r"none\. Skipped: 1 x a\.mp4 \(not an image\)\.$"):
        find_image_files("photos/empty")
    with pytest.raises(DataError, match=r"'photos/\*\.txt' should match images.*/notes\.txt"):
        find_image_files("photos/*.txt")


def test_a_pattern_matches_files_by_content_and_leaves_out_folders(photos: Path) -> None:
    files = found("photos/*")
    assert files.paths == ("photos/1.jpg", "photos/scan")
    assert files.notes == ("Skipped: 1 x photos/notes.txt (not an image).",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize("text", ["photos", "photos/*"])
def test_a_pipe_is_never_read(photos: Path, text: str) -> None:
    os.mkfifo(photos / "pipe.png")
    assert "photos/pipe.png" not in found(text).paths
    assert "pipe.png (not an image)" in " ".join(found(text).notes)
