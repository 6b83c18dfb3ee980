"""Deep images are converted to 8 bits by one range, whichever way they are stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.data.preparation.pixel_range import (
    PixelRange,
    choose_pixel_range,
    count_flat,
    find_extremes,
    parse_pixel_range,
    range_warning,
)
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError, RequestError
from support.image_content import png, saved, tiff

NUM_IMAGES = 16
RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / "cache"))


def chosen(values: np.ndarray) -> tuple[float, float]:
    return tuple(choose_pixel_range(find_extremes(values), values.size)[0])


def images_from(low: float, high: float, dtype: type = np.float64) -> np.ndarray:
    """Images (N, 12, 12) that reach both ends."""
    values = RNG.uniform(low, high, (NUM_IMAGES, 12, 12))
    values[0, 0, 0], values[-1, -1, -1] = low, high
    return values.astype(dtype)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 1)),
        (0.1, 0.6, (0, 1)),
        (0, 0.2, (0, 0.2)),
        (-1, 1, (-1, 1)),
        (0, 250, (0, 255)),
        (0.3, 9.7, (0.3, 9.7)),
        (30, 4000, (0, 4095)),
        (200, 900, (200, 900)),
        (100, 60_000, (0, 65_535)),
        (0, 9_000, (0, 9_000)),
        (-1024, 3071, (-1024, 3071)),
        (5, 1e9, (5, 1e9)),
    ],
)
def test_the_range_is_a_usual_type_or_that_of_the_data(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    assert chosen(images_from(low, high)) == pytest.approx(expected)


def test_whole_numbers_up_to_255_stay_as_they_are_however_dark() -> None:
    assert chosen(images_from(0, 16, np.int64)) == (0, 255)
    assert chosen(np.zeros((3, 4, 4))) == (0, 1)
    assert chosen(np.full((3, 4, 4), -7.5)) == (-7.5, -6.5)


def test_hot_pixels_do_not_darken_all_others_but_a_small_bright_object_counts() -> None:
    images = RNG.normal(500, 100, (60, 50, 50)).clip(0, 1000)
    images[3, 4, 5] = images[40, 1, 1] = 65_535
    _, reason = choose_pixel_range(find_extremes(images), images.size)
    assert chosen(images)[1] <= 1000
    assert "to 65535, but nearly all from" in reason
    images[7, 10:14, 10:14] = 60_000
    assert chosen(images) == (0, 65_535)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (5, 4, 4), (3, 40, 30)])
def test_extremes_hold_the_lowest_and_the_highest_values(shape: tuple[int, ...]) -> None:
    values = RNG.normal(0, 1, shape)
    extremes = find_extremes(values)
    in_order = np.sort(values.reshape(len(values), -1))
    count = min(in_order.shape[1], 9)
    assert np.array_equal(extremes[:, :count], in_order[:, :count])
    assert np.array_equal(extremes[:, 18 - count :], in_order[:, -count:])
    assert np.isin(extremes, values).all()


def test_images_in_other_units_are_an_error_and_few_of_them_a_count() -> None:
    images = images_from(0, 1)
    images[::2] *= 65_535
    with pytest.raises(DataError, match="8 of 16 images would become a single grey"):
        chosen(images)
    images[1::2] *= 65_535
    images[5] /= 65_535
    assert count_flat(find_extremes(images), PixelRange(*chosen(images))) == 1


def test_conversion_is_rounded_and_exact_at_both_ends() -> None:
    pixel_range = PixelRange(-1024, 3071)
    values = np.array([-2000, -1024, 1023.5, 3071, 9999])
    assert pixel_range.to_uint8(values).tolist() == [0, 0, 128, 255, 255]
    assert pixel_range.count_outside(values) == 2
    every = np.arange(65_536, dtype=np.uint16)
    assert np.array_equal(PixelRange(0, 65_535).to_uint8(every), np.rint(every / 257))
    assert np.array_equal(PixelRange(0, 255).to_uint8(every[:256]), every[:256])


@pytest.mark.parametrize("text", ["5", "1,2,3", "7,7", "9,1", "a,b", "0,inf", "nan,3", "", ","])
def test_a_wrong_range_is_one_sentence(text: str) -> None:
    with pytest.raises(RequestError, match="should be two numbers, the lower one first, such as"):
        SourceOptions(pixel_range=text)


def test_ranges_are_given_as_text_or_numbers() -> None:
    assert parse_pixel_range(" -5, 1e3") == parse_pixel_range([-5, 1000]) == (-5, 1000)
    assert SourceOptions(pixel_range=(0, 9)).command_words == ["--pixel-range", "0.0,9.0"]


def save_tiff(image: np.ndarray, path: Path) -> None:
    Image.fromarray(image).save(path.with_suffix(".tif"))


def save_big_endian_tiff(image: np.ndarray, path: Path) -> None:
    Image.frombytes("I;16B", image.shape[::-1], image.astype(">u2").tobytes()).save(
        path.with_suffix(".tif")
    )


def save_png(image: np.ndarray, path: Path) -> None:
    Image.fromarray(image.astype(np.uint16)).save(path.with_suffix(".png"))


def save_pgm(image: np.ndarray, path: Path) -> None:
    height, width = image.shape
    header = b"P5 %d %d 65535\n" % (width, height)
    path.with_suffix(".pgm").write_bytes(header + image.astype(">u2").tobytes())


SAVE: dict[str, Callable[[np.ndarray, Path], None]] = {
    "TIFF of uint16": lambda image, path: save_tiff(image.astype(np.uint16), path),
    "TIFF of uint16, big-endian": save_big_endian_tiff,
    "TIFF of int32": lambda image, path: save_tiff(image.astype(np.int32), path),
    "TIFF of float32": lambda image, path: save_tiff(image.astype(np.float32), path),
    "PNG of 16 bits": save_png,
    "PGM of 16 bits": save_pgm,
}


def write_files(root: Path, images: np.ndarray, save: Callable[[np.ndarray, Path], None]) -> None:
    for index, image in enumerate(images):
        folder = root / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        save(image, folder / f"{index:02}")


def by_name(splits: Splits) -> dict[str, np.ndarray]:
    names = splits.train.names
    assert names is not None
    return {Path(name).stem: image for name, image in zip(names, splits.train.images, strict=True)}


@pytest.mark.parametrize("high", [4000, 9_000, 60_000])
@pytest.mark.parametrize("form", SAVE)
def test_files_and_arrays_of_the_same_values_give_the_same_pixels(
    tmp_path: Path, form: str, high: int
) -> None:
    images = images_from(20, high, np.uint16)
    labels = np.arange(NUM_IMAGES) % 2
    write_files(tmp_path / "files", images, SAVE[form])
    np.savez(tmp_path / "arrays.npz", x=images.astype(np.float64), y=labels)
    files = load_splits(str(tmp_path / "files"), SourceOptions(test_split=0))
    arrays = load_splits(str(tmp_path / "arrays.npz"), SourceOptions(test_split=0))
    items = splits_from_object([*zip(images, labels, strict=True)])
    whole = splits_from_object((images.astype(np.float32), labels))
    assert files.pixel_range == arrays.pixel_range == items.pixel_range == whole.pixel_range
    assert files.pixel_range is not None
    expected = files.pixel_range.to_uint8(images)[..., None]
    for index, image in enumerate(expected):
        assert np.array_equal(by_name(files)[f"{index:02}"], image)
    for splits in (arrays, items, whole):
        assert np.array_equal(splits.train.images, expected)
    (note,) = [note for note in files.load_report.notes if "Pixel values" in note]
    assert f"from {files.pixel_range} become 0 to 255 in all images (the data have" in note
    assert note in arrays.load_report.notes


@pytest.mark.parametrize("high", [3000, 65_535])
def test_colour_of_16_bits_is_not_reduced_by_the_decoder(tmp_path: Path, high: int) -> None:
    images = RNG.integers(0, high + 1, (NUM_IMAGES, 12, 10, 3), dtype=np.uint16)
    for index, image in enumerate(images):
        contents = {
            "png": png(image.astype(">u2"), depth=16, colour_type=2),
            "tif": tiff(image, "<"),
        }
        for form, content in contents.items():
            folder = tmp_path / form / "ab"[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{index:02}.{form}").write_bytes(content)
    labels = np.arange(NUM_IMAGES) % 2
    arrays = splits_from_object((images, labels))
    for form in ("png", "tif"):
        files = load_splits(str(tmp_path / form), SourceOptions(test_split=0))
        assert files.pixel_range == arrays.pixel_range == (0, 4095 if high == 3000 else 65_535)
        for index, image in enumerate(arrays.train.images):
            assert np.array_equal(by_name(files)[f"{index:02}"], image)


def test_many_files_are_decoded_by_processes_and_cached_alike(tmp_path: Path) -> None:
    images = RNG.normal(0, 1, (150, 8, 8)).astype(np.float32)
    write_files(tmp_path / "files", images, save_tiff)
    options = SourceOptions(test_split=0)
    first, again = (load_splits(str(tmp_path / "files"), options) for _ in range(2))
    assert first.pixel_range == again.pixel_range == (images.min(), images.max())
    assert first.load_report == again.load_report
    assert first.train.fingerprint == again.train.fingerprint
    expected = PixelRange(float(images.min()), float(images.max())).to_uint8(images[7])
    assert np.array_equal(by_name(first)["07"][..., 0], expected)


def test_a_given_range_is_used_and_what_it_cuts_off_is_counted(tmp_path: Path) -> None:
    images = images_from(0, 1000, np.uint16)
    images[images == 1000] = 999
    images[3, 0, :4] = 1000
    write_files(tmp_path / "files", images, save_png)
    options = SourceOptions(test_split=0, pixel_range=(0, 999))
    splits = load_splits(str(tmp_path / "files"), options)
    assert splits.pixel_range == (0, 999)
    outside = "4 pixel values in 1 of 16 images are outside 0 to 999; they became 0 or 255."
    assert outside in splits.load_report.notes
    arrays = splits_from_object((images, np.arange(NUM_IMAGES) % 2), options)
    assert outside in arrays.load_report.notes


def test_8_bit_images_beside_deep_ones_keep_their_values_and_are_counted(tmp_path: Path) -> None:
    write_files(tmp_path / "files", images_from(0, 60_000, np.uint16), save_png)
    grey = RNG.integers(0, 256, (12, 12), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "files" / "a" / "grey.png")
    splits = load_splits(str(tmp_path / "files"), SourceOptions(test_split=0))
    assert np.array_equal(by_name(splits)["grey"][..., 0], grey)
    assert any("1 of 17 images have only 8 bits and keep" in x for x in splits.load_report.notes)


def test_8_bit_images_need_no_range_and_a_useless_one_is_told(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (NUM_IMAGES, 12, 12), dtype=np.uint8)
    write_files(tmp_path / "files", images, save_tiff)
    splits = load_splits(str(tmp_path / "files"), SourceOptions(test_split=0))
    assert splits.pixel_range is None
    assert not any("Pixel" in note for note in splits.load_report.notes)
    given = SourceOptions(test_split=0, pixel_range=(0, 4095))
    told = load_splits(str(tmp_path / "files"), given)
    assert np.array_equal(told.train.images, splits.train.images)
    assert told.pixel_range == (0, 4095)
    assert "0 to 4095 was not used: all images have 8 bits" in " ".join(told.load_report.notes)
    assert splits_from_object(splits.train, given).pixel_range == (0, 4095)


def test_one_file_that_is_not_finite_is_a_bad_image(tmp_path: Path) -> None:
    images = images_from(0, 3000, np.float32)
    images[4, 2, 2] = np.inf
    write_files(tmp_path / "files", images, save_tiff)
    splits = load_splits(str(tmp_path / "files"), SourceOptions(test_split=0))
    (bad,) = splits.load_report.bad_files
    assert bad.problem.startswith("a/04.tif should have finite pixel values, but 1 of 144 are")
    assert splits.pixel_range == (0, 4095)


def test_the_range_travels_with_the_preparation() -> None:
    preparation = Preparation(8, 8, 1, pixel_range=PixelRange(-1024, 3071))
    values = json.loads(json.dumps(preparation.to_json()))
    assert values["pixel_range"] == [-1024, 3071]
    assert Preparation.from_json(values) == preparation
    assert SourceOptions().fitted_to(preparation).pixel_range == (-1024, 3071)
    with pytest.raises(DataError, match="should be two numbers, the lower one first"):
        Preparation.from_json({**values, "pixel_range": [3, 1]})


def test_prediction_reads_a_file_by_the_range_of_the_training_and_warns_outside_it() -> None:
    preparation = Preparation(4, 4, 1, pixel_range=PixelRange(100, 1000))
    image = np.full((4, 4), 325, np.uint16)
    read = preparation.read(saved(Image.fromarray(image), "TIFF"))
    assert read.warnings == ()
    assert (read.pixels == 64).all()
    image[0, :3] = 1001, 50, 1000
    read = preparation.read(saved(Image.fromarray(image), "TIFF"), name="scan.tif")
    assert read.warnings == (
        "scan.tif does not fit the range 100 to 1000 of the training images: 2 of its 16 values "
        "are outside and became 0 or 255.",
    )


def test_an_image_in_other_units_becomes_a_single_grey_and_gets_a_warning() -> None:
    image = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4, 1)
    warning = range_warning(image, PixelRange(0, 4095), "a.tif")
    assert warning is not None
    assert "its own, 0 to 1, became a single grey, as if in other units" in warning
    assert range_warning(np.full((4, 4, 1), 7, np.uint16), PixelRange(0, 4095), "flat.png") is None


def test_a_range_that_a_network_was_not_trained_on_is_refused() -> None:
    deep = Preparation(4, 4, 1, pixel_range=PixelRange(0, 4095))
    with pytest.raises(DataError, match=r"from 0 to 4095, so that pixel_range=\(0.0, 9.0\) cannot"):
        SourceOptions(pixel_range="0,9").fitted_to(deep)
    of_8_bits = Preparation(4, 4, 1)
    assert SourceOptions(pixel_range="0,9").fitted_to(of_8_bits).pixel_range == PixelRange(0, 9)


def test_a_network_of_8_bit_images_warns_of_deep_ones_and_the_reverse() -> None:
    deep, grey = np.full((4, 4, 1), 0.5, np.float32), np.zeros((4, 4, 1), np.uint8)
    assert "a.tif has float32 values, but" in (range_warning(deep, None, "a.tif") or "")
    assert "a.png has 8 bits, but" in (range_warning(grey, PixelRange(3, 9), "a.png") or "")
    assert range_warning(grey, PixelRange(0, 1), "a.png") is None
    assert range_warning(grey, None, "a.png") is None
