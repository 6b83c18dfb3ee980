"""Links, and files that are no images: followed, read or reported by suffix and reason."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from clearsight.data.folder_walk import walk_folder
from clearsight.data.formats.archive import open_archive
from clearsight.data.formats.folder import open_folder
from clearsight.data.listing import Listing
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from support.formats.breakage import PNG
from support.formats.broken_trees import tarred, zipped

FOLLOW = SourceOptions(follow_links=True)


def fill(folder: Path, number: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(number):
        (folder / f"{index}.png").write_bytes(PNG)
    return folder


def opened(path: Path, options: SourceOptions | None = None) -> Listing:
    listing = open_folder(path, options or SourceOptions())
    assert all(content == PNG for _, content in listing.reader.each(listing.keys))
    return listing


def test_links_out_of_the_folder_are_reported_and_followed_on_request(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name in ("cats", "dogs"):
        fill(store / name)
        (tmp_path / "set" / name).mkdir(parents=True)
        for file in (store / name).iterdir():
            (tmp_path / "set" / name / file.name).symlink_to(file)
    (tmp_path / "set" / "birds").symlink_to(fill(store / "birds"))
    with pytest.raises(DataError, match=r"6 x \.png \(link out of .*follow_links=True;"):
        opened(tmp_path / "set")
    fill(tmp_path / "set" / "eels"), fill(tmp_path / "set" / "foxes")
    listing = opened(tmp_path / "set")
    assert listing.class_names == ("eels", "foxes")
    assert any("birds (link out of the folder" in text for text in listing.skipped)
    followed = opened(tmp_path / "set", FOLLOW)
    assert followed.class_names == ("birds", "cats", "dogs", "eels", "foxes")
    assert followed.skipped == {}
    os.utime(store / "cats" / "0.png", ns=(1, 1))
    assert opened(tmp_path / "set", FOLLOW).signature != followed.signature


def test_links_inside_the_folder_are_followed_and_count_once(tmp_path: Path) -> None:
    fill(tmp_path / ".git/annex/cats")
    fill(tmp_path / "store/dogs")
    fill(tmp_path / "birds")
    (tmp_path / "cats").symlink_to(".git/annex/cats")
    (tmp_path / "dogs").mkdir()
    for file in (tmp_path / "store/dogs").iterdir():
        (tmp_path / "dogs" / file.name).symlink_to(f"../store/dogs/{file.name}")
    listing = opened(tmp_path)
    assert listing.class_names == ("birds", "cats", "dogs")
    assert len(listing) == 9
    assert listing.empty_classes == ()
    assert "3 images are listed where links lead to them" in listing.notes[0]


def test_loops_of_links_end(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        fill(tmp_path / "set" / name)
        (tmp_path / "set" / name / "up").symlink_to("..")
        (tmp_path / "set" / name / "out").symlink_to("../..")
    (tmp_path / "set/cats/other").symlink_to("../dogs")
    (tmp_path / "set/dogs/other").symlink_to("../cats")
    for options in (SourceOptions(), FOLLOW):
        assert set(opened(tmp_path / "set", options).class_names) <= {"cats", "dogs"}
        assert (
            len(walk_folder(str(tmp_path / "set"), follow_links=options.follow_links).images) >= 6
        )


def test_a_link_to_nowhere_is_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    fill(tmp_path / "cats"), fill(tmp_path / "dogs")
    (tmp_path / "cats/gone.png").symlink_to("../.git/annex/gone.png")
    listing = open_folder(tmp_path, SourceOptions())
    problem = dict(listing.reader.each(["cats/gone.png"]))["cats/gone.png"]
    assert "leads to no file" in str(problem)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_links_in_archives(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    links = {"cats/1.png": "../a/0.png", "dogs": "b", "out/1.png": "../../etc/a.png"}
    if kind == "zip":
        zipped(path)
        with zipfile.ZipFile(path, "a") as archive:
            for name, target in links.items():
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, 0o120777 << 16
                archive.writestr(info, target)
    else:
        tarred(path, "w")
        with tarfile.open(path, "a") as archive:
            for name, target in links.items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, target
                archive.addfile(info)
    listing = open_archive(path, SourceOptions())
    assert listing.class_names == ("a", "cats", "dogs")
    assert len(listing) == 4
    assert listing.skipped == {"out/1.png (link out of the archive or to no image)": 1}
    assert dict(listing.reader.each(["dogs/1.png"])) == {"dogs/1.png": PNG}


def test_hard_links_and_loops_in_a_tar(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", "w")
    with tarfile.open(path, "a") as archive:
        for name, target, kind in (
            ("c/1.png", "a/0.png", tarfile.LNKTYPE),
            ("x", "y", tarfile.SYMTYPE),
            ("y", "x", tarfile.SYMTYPE),
            ("a/up", "..", tarfile.SYMTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    listing = open_archive(path, SourceOptions())
    assert listing.class_names == ("a", "b", "c")
    assert len(listing) == 5


def test_absolute_names_in_a_tar_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("cats", "dogs"):
            info = archive.gettarinfo(fill(tmp_path / name) / "0.png")
            info.name = f"/data/{name}/0.png"
            with (tmp_path / name / "0.png").open("rb") as file:
                archive.addfile(info, file)
    listing = open_archive(path, SourceOptions())
    assert listing.class_names == ("cats", "dogs")
    assert "2 names in" in listing.notes[0]
    assert all(content == PNG for _, content in listing.reader.each(listing.keys))


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_files_without_suffix_are_read_by_content(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "set"
    for name in ("cats", "dogs"):
        for index in range(2):
            (root / name).mkdir(parents=True, exist_ok=True)
            (root / name / f"{index:05}").write_bytes(PNG)
        (root / name / "LICENSE").write_text("words")
        (root / name / "2023.05").write_bytes(PNG)
        (root / name / "data.bin").write_bytes(PNG)
    path = root
    if kind == "zip":
        path = zipped(tmp_path / "a.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(root.rglob("*.*")) + sorted(root.rglob("0*")):
                archive.write(file, file.relative_to(root))
            archive.write(root / "cats/LICENSE", "cats/LICENSE")
            archive.write(root / "dogs/LICENSE", "dogs/LICENSE")
    elif kind == "tar":
        path = tmp_path / "a.tar.xz"
        with tarfile.open(path, "w:xz") as archive:
            archive.add(root, "set")
    listing = (
        open_folder(path, SourceOptions()) if path.is_dir() else open_archive(path, SourceOptions())
    )
    assert len(listing) == 6
    assert all(content == PNG for _, content in listing.reader.each(listing.keys))
    reasons = {text.partition(" ")[0]: count for text, count in listing.skipped.items()}
    assert reasons == {"LICENSE": 2, ".bin": 2}


def write_photos(root: Path, suffix: str, **options) -> np.ndarray:
    ramp = np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1))
    pixels = np.stack([ramp, ramp.T, ramp], axis=-1)
    for name in ("cats", "dogs"):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(5):
            Image.fromarray(pixels).save(root / name / f"{index}{suffix}", **options)
    return pixels


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_avif_is_read(tmp_path: Path) -> None:
    pixels = write_photos(tmp_path / "set", ".avif", quality=95)
    images = load_splits(str(tmp_path / "set")).train.images
    assert np.abs(images.astype(int) - pixels).max() < 40


def test_heic_is_read_with_pillow_heif(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = write_photos(tmp_path / "png", ".png")
    for name in ("cats", "dogs"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for index, suffix in enumerate((".heic", ".HEIC", ".heif", "", ".hif")):
            photo = pillow_heif.from_pillow(Image.fromarray(pixels))
            with (tmp_path / "set" / name / f"{index}{suffix}").open("wb") as file:
                photo.save(file, quality=95)
    splits = load_splits(str(tmp_path / "set"))
    images = splits.train.images
    assert sum(map(len, splits.parts.values())) == 10
    assert np.abs(images.astype(int) - pixels).max() < 40


def test_heic_without_pillow_heif_gives_the_install_line(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    program = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from pathlib import Path\n"
        "from clearsight.data.preparation.read_image import read_image\n"
        "from clearsight.data.sources.load import load_splits\n"
        "for read in (lambda: load_splits(sys.argv[1]),"
        " lambda: read_image(Path(sys.argv[1], 'cats', '1.HEIC'))):\n"
        "    try: read()\n"
        "    except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "2 x .heic (needs pillow-heif: pip install 'clearsight[heic]'" in first
    assert "is HEIC, which needs pillow-heif: pip install 'clearsight[heic]'" in second
