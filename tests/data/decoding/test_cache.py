"""Decoded images on disk are used only if every byte is what was written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.decoding.verification import content_digest, find_damage
from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.data.splits.splits import Splits
from clearsight.errors import OutputError
from clearsight.io.cache_folder import cache_folder

Damage = Callable[[Path], None]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """30 images of 16 bits in three classes, so that every array is used."""
    generator = np.random.default_rng(0)
    for index in range(30):
        folder = tmp_path / "images" / "abc"[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 65_535, (9, 9), np.uint16)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "images"


def flip(path: Path) -> None:
    """Change the last byte."""
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


def flip_first(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 0xFF
    path.write_bytes(content)


def swap_images(path: Path) -> None:
    images = np.load(path, "r+")
    images[[0, 1]] = images[[1, 0]]


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def what_is_used(splits: Splits) -> list[bytes]:
    return [images.images.tobytes() for images in splits.parts.values()]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("images", damage) for damage in (flip, swap_images, shorten, Path.unlink, make_folder)),
        *(("index", damage) for damage in (flip, flip_first, shorten, Path.unlink)),
        *((name, flip) for name in ("digests", "facts", "extremes", "contents")),
        ("digests", lengthen),
    ],
)
def test_damaged_images_are_decoded_again_with_a_warning(
    images: Path, own_cache: Path, caplog: pytest.LogCaptureFixture, name: str, damage: Damage
) -> None:
    before = load_splits(str(images))
    pattern = "index/*.json" if name == "index" else f"*/{name}.npy"
    (path,) = own_cache.glob(pattern)
    expected, fingerprint = what_is_used(before), before.train.fingerprint
    damage(path)
    assert not caplog.messages
    after = load_splits(str(images))
    assert what_is_used(after) == expected
    assert after.train.fingerprint == fingerprint
    assert (
        ImageSet(np.array(after.train.images), after.train.labels, after.train.class_names).digests
        == after.train.digests
    ).all()
    is_missing_index = name == "index" and damage is Path.unlink
    assert len(caplog.messages) == (0 if is_missing_index else 1)
    assert all("damaged" in said and "decoded again" in said for said in caplog.messages)
    caplog.clear()
    assert what_is_used(load_splits(str(images))) == expected
    assert not caplog.messages, "the cache is sound again"
    assert len(list(own_cache.glob("*/images.npy"))) == 1


def test_a_removed_folder_is_no_damage(
    images: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = what_is_used(load_splits(str(images)))
    (path,) = own_cache.glob("*/images.npy")
    shutil.rmtree(path.parent)
    assert what_is_used(load_splits(str(images))) == expected
    assert not caplog.messages


def test_each_image_of_many_blocks_is_checked(
    images: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearsight.data.decoding.verification._BYTES_AT_ONCE", 200)
    load_splits(str(images))
    (path,) = own_cache.glob("*/images.npy")
    folder = path.parent
    assert content_digest(folder) == folder.name
    assert find_damage(folder) is None
    for row in range(30):
        stored = np.load(path, "r+")
        stored[row, 3, 3] ^= 1
        assert find_damage(folder) == "1 of 30 images have changed"
        stored[row, 3, 3] ^= 1
    assert find_damage(folder) is None


def test_a_damaged_folder_that_cannot_be_replaced_is_an_error(
    images: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_splits(str(images))
    (path,) = own_cache.glob("*/images.npy")
    flip(path)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as for another user's folder
    with pytest.raises(OutputError, match=r"cannot be written in .*: .* CLEARSIGHT_CACHE"):
        load_splits(str(images))


def test_decoded_images_have_the_permissions_of_other_files(images: Path, own_cache: Path) -> None:
    before = os.umask(0o027)
    try:
        load_splits(str(images))
    finally:
        os.umask(before)
    (path,) = own_cache.glob("*/images.npy")
    assert path.parent.stat().st_mode & 0o777 == 0o750
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no such permissions")
def test_a_cache_that_others_can_write_to_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, mode in (("open", 0o777), ("group", 0o775), ("own", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
        monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / name))
        assert cache_folder("decoded") == cache_folder("decoded") == tmp_path / name / "decoded"
    (said,) = caplog.messages
    assert str(tmp_path / "open") in said
