"""Images of a listing become arrays on disk: the same whichever way, and never lost by one."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.decoding import cache
from clearsight.data.formats.folder import open_folder
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, OutputError


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


@pytest.fixture
def images(tmp_path: Path, fashion: tuple[ImageSet, ImageSet]) -> Path:
    """300 real images of clothing as PNG files in class folders."""
    train, _ = fashion
    root = tmp_path / "clothes"
    for index in range(300):
        folder = root / train.class_names[train.labels[index]].replace("/", " or ")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(train.images[index, ..., 0]).save(folder / f"{index:03}.png")
    return root


def by_name(splits: Splits) -> dict[str, tuple[str, bytes]]:
    found = {}
    for images in splits.parts.values():
        assert images.names is not None
        for name, label, image in zip(images.names, images.labels, images.images, strict=True):
            found[name] = (images.class_names[label], image.tobytes())
    return found


def test_every_image_has_its_label_and_the_pixels_that_prediction_reads(
    images: Path, own_cache: Path
) -> None:
    splits = load_splits(str(images), SourceOptions(image_size=(20, 30), channels=3))
    preparation = Preparation(20, 30, 3, alpha_background=255)
    found = by_name(splits)
    assert len(found) == 300 == len(splits.train) + len(splits.parts["test"])
    for name, (class_name, pixels) in found.items():
        assert class_name == name.split("/")[0]
        assert pixels == preparation.read(images / name).pixels.tobytes()


def test_known_digests_and_ranges_are_the_computed_ones(images: Path, own_cache: Path) -> None:
    train = load_splits(str(images)).train
    again = ImageSet(np.array(train.images), train.labels, train.class_names)
    assert np.array_equal(train.digests, again.digests)
    assert train.value_range == again.value_range
    assert train.fingerprint == again.fingerprint


def test_a_second_start_reads_no_image(
    images: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_splits(str(images))
    monkeypatch.setattr(
        "clearsight.data.formats.folder.FileReader.each",
        lambda *_: pytest.fail("an image was read again"),
    )
    again = load_splits(str(images))
    assert again.train.fingerprint == first.train.fingerprint
    assert again.load_report == first.load_report


def test_a_changed_file_is_decoded_again_even_with_its_old_size_and_time(
    images: Path, own_cache: Path
) -> None:
    before = load_splits(str(images))
    name = next(iter(by_name(before)))
    path = images / name
    state = path.stat()
    pixels = 255 - np.asarray(Image.open(path))
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    path.write_bytes(content.getvalue().ljust(state.st_size, b"\0")[: state.st_size])
    import os

    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = by_name(load_splits(str(images), SourceOptions(allow_bad=True)))
    assert after.get(name) != by_name(before)[name]


def test_the_same_images_elsewhere_are_cached_once(
    images: Path, own_cache: Path, tmp_path: Path
) -> None:
    load_splits(str(images))
    shutil.copytree(images, tmp_path / "copy")
    load_splits(str(tmp_path / "copy"))
    assert len(list(own_cache.glob("*/images.npy"))) == 1


def test_one_bad_file_is_reported_and_left_out(images: Path, own_cache: Path) -> None:
    victim = next(images.glob("*/0*.png"))
    victim.write_bytes(victim.read_bytes()[:100])
    splits = load_splits(str(images))
    name = str(victim.relative_to(images))
    assert len(by_name(splits)) == 299
    assert name not in by_name(splits)
    assert [bad.name for bad in splits.load_report.bad_files] == [name]
    assert any("1 of 300 images cannot be used" in said for said in splits.load_report.sentences)


@pytest.mark.parametrize("num_bad", [4, 150])
def test_more_than_one_in_a_hundred_stops_until_allowed(
    images: Path, own_cache: Path, num_bad: int
) -> None:
    good = by_name(load_splits(str(images)))
    names = sorted(good)[::2][:num_bad]
    for name in names:
        (images / name).write_bytes(b"")
    with pytest.raises(DataError, match=rf"but {num_bad} of 300 are: .* allow_bad=True"):
        load_splits(str(images))
    splits = load_splits(str(images), SourceOptions(allow_bad=True))
    # The rows of the others have moved up over the gaps, and are still theirs.
    assert by_name(splits) == {name: good[name] for name in good if name not in names}
    assert {bad.name for bad in splits.load_report.bad_files} == set(names)


def test_no_readable_image_at_all_is_one_sentence(images: Path, own_cache: Path) -> None:
    for path in images.glob("*/*.png"):
        path.write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"content is none of these\. Check that they open in an"):
        load_splits(str(images), SourceOptions(allow_bad=True))


@dataclass(frozen=True)
class DeadlyReader:
    """Reads real images, but one of them ends the process, as a broken codec would."""

    root: str
    deadly: str

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        import os

        for key in keys:
            if key == self.deadly:
                yield key, b"\x89PNG"
                os._exit(139)
            yield key, (Path(self.root) / key).read_bytes()


def test_an_image_that_kills_its_process_is_a_bad_image(
    images: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = open_folder(images, SourceOptions())
    deadly = listing.keys[100]
    package = tmp_path / "readers"
    package.mkdir()
    source = Path(__file__).read_text()
    start, stop = source.index("@dataclass"), source.index("def test_an_image_that_kills")
    (package / "deadly_reader.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from pathlib import Path\nfrom clearsight.errors import DataError\n" + source[start:stop]
    )
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", str(package))
    import deadly_reader  # pyright: ignore[reportMissingImports] - written just now

    from clearsight.data.decoding.arrays import make_arrays, open_arrays
    from clearsight.data.decoding.job import DecodeJob
    from clearsight.data.decoding.row_order import order_rows
    from clearsight.data.decoding.workers import decode_images

    rows = np.argsort(order_rows(listing).order)
    reader = deadly_reader.DeadlyReader(str(images), deadly)
    with cache.new_folder() as folder:
        make_arrays(folder, 300, (28, 28, 1))
        job = DecodeJob(reader, Preparation(28, 28, 1), listing.keys, rows, folder)
        problems = decode_images(job)
        assert list(problems) == [rows[100]]
        assert deadly in problems[rows[100]]
        decoded = open_arrays(folder).digests.any(axis=1)
        assert decoded.sum() == 299


def test_colour_that_the_sampled_headers_miss_is_preserved(
    images: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearsight.data.decoding.target_shape.NUM_SAMPLED", 3)
    listing = open_folder(images, SourceOptions())
    path = images / listing.keys[1]
    Image.new("RGB", (28, 28), (200, 30, 30)).save(path)
    splits = load_splits(str(images))
    assert splits.train.image_shape == (28, 28, 3)
    _, pixels = by_name(splits)[listing.keys[1]]
    assert tuple(pixels[:3]) == (200, 30, 30)
    assert "some are in colour" in " ".join(splits.load_report.decisions)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(28, 28)] * 40, (28, 28)),
        ([(48, 60)] * 40, (60, 48)),
        ([(640, 480)] * 40, (83, 111)),
        ([(128, 50)] * 40, (50, 128)),
        ([(129, 50)] * 40, (50, 129)),
        ([(200, 50)] * 40, (48, 192)),
        ([(60, 600)] * 40, (304, 30)),
        ([(400, 32)] * 40, (27, 339)),
        ([(3000, 20)] * 40, (8, 1176)),
        ([(200 + 4 * i, 50 + i) for i in range(40)], (48, 192)),
        ([(640 + i, 480 - i) for i in range(40)], (80, 115)),
        ([(300, 310), (310, 320), (250, 250), (400, 410)] * 10, (96, 96)),
        ([(300, 200), (200, 300)] * 20, (96, 96)),
        ([(300, 200), (200, 320), (250, 250), (400, 400)] * 10, (96, 96)),
        ([(50, 40), (40, 64), (44, 52), (48, 48)] * 10, (42, 42)),
    ],
)
def test_the_size_is_chosen_from_the_data(
    tmp_path: Path, own_cache: Path, sizes: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    generator = np.random.default_rng(0)
    for index, (width, height) in enumerate(sizes):
        folder = tmp_path / "images" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.jpg")
    splits = load_splits(str(tmp_path / "images"))
    assert splits.train.image_shape == (*expected, 3)
    assert f"Size {expected[0]}x{expected[1]}, " in " ".join(splits.load_report.decisions)


def test_a_full_disk_is_an_error_and_leaves_nothing(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        monkeypatch.setenv("CLEARSIGHT_CACHE", str(disk))
        with pytest.raises(OutputError, match="CLEARSIGHT_CACHE to another folder"):
            load_splits(str(images))
        assert list((disk / "decoded").iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_single_class_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "only" / "one.png")
    with pytest.raises(DataError, match="at least two class folders"):
        load_splits(str(tmp_path))


def test_what_is_left_out_of_images_or_may_be_wrong_is_a_note(
    images: Path, own_cache: Path
) -> None:
    frames = [Image.open(path) for path in sorted(images.rglob("*.png"))[:2]]
    frames[0].save(images / "Bag" / "two.gif", save_all=True, append_images=frames[1:])
    frames[0].convert("1").save(images / "Bag" / "fax.tif", compression="group4")
    content = bytearray((images / "Bag" / "fax.tif").read_bytes())
    content[14] ^= 0xFF
    (images / "Bag" / "fax.tif").write_bytes(content)
    report = load_splits(str(images)).load_report
    assert report.notes[-2:] == (
        "1 of 302 images have several frames or pages, of which only the first was used: "
        "'Bag/two.gif'.",
        "1 of 302 images may be damaged, although their decoders return an image: 'Bag/fax.tif'.",
    )
    assert load_splits(str(images)).load_report == report, "from the cache"
