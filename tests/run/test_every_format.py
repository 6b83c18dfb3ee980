"""Every command reads every format: shown, checked, trained on, evaluated and predicted."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.data.formats import FORMATS, detect_format
from clearsight.data.image_set import ImageSet
from clearsight.data.sources.load import load_splits
from clearsight.predict.inputs import find_inputs
from clearsight.predict.predict import predict_images
from clearsight.predict.predictor import run_as_bundle
from clearsight.report.contact_sheet import write_contact_sheet
from clearsight.run.data_check.check import check_data
from support.command_line import run_cli

Writer = Callable[[Path, ImageSet], Path]


def png(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image[..., 0]).save(content, "PNG")
    return content.getvalue()


def write_folder(folder: Path, images: ImageSet) -> Path:
    for index, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        place = folder / "images" / f"digit {label}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.png").write_bytes(png(image))
    return folder / "images"


def write_zip(folder: Path, images: ImageSet) -> Path:
    return Path(shutil.make_archive(str(folder / "packed"), "zip", write_folder(folder, images)))


def write_tar_gz(folder: Path, images: ImageSet) -> Path:
    root = write_folder(folder, images)
    return Path(shutil.make_archive(str(folder / "packed"), "gztar", root))


def write_npz(folder: Path, images: ImageSet) -> Path:
    np.savez(folder / "arrays.npz", x=images.images, y=images.labels)
    return folder / "arrays.npz"


def write_idx(folder: Path, images: ImageSet) -> Path:
    root = folder / "idx"
    root.mkdir()
    for name, values in (
        ("train-images-idx3-ubyte.gz", images.images[..., 0]),
        ("train-labels-idx1-ubyte.gz", images.labels.astype(np.uint8)),
    ):
        header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        (root / name).write_bytes(gzip.compress(header + values.tobytes()))
    return root


def write_cifar(folder: Path, images: ImageSet) -> Path:
    root = folder / "cifar-10-batches-bin"
    root.mkdir()
    (root / "batches.meta.txt").write_text("\n".join(f"digit {label}" for label in range(10)))
    large = np.stack(
        [
            np.asarray(Image.fromarray(image[..., 0]).resize((32, 32)).convert("RGB"))
            for image in images.images
        ]
    )
    rows = np.concatenate(
        [
            images.labels[:, None].astype(np.uint8),
            np.moveaxis(large, -1, 1).reshape(len(large), -1),
        ],
        axis=1,
    )
    batches = [f"data_batch_{number}.bin" for number in range(1, 6)]
    for name, part in zip([*batches, "test_batch.bin"], np.array_split(rows, 6), strict=True):
        (root / name).write_bytes(part.tobytes())
    return root


def write_csv(folder: Path, images: ImageSet) -> Path:
    write_folder(folder, images)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        for index, label in enumerate(images.labels):
            part = ("train", "train", "train", "val", "test")[index % 5]
            writer.writerow([f"images/digit {label}/{index}.png", f"digit {label}", part])
    return folder / "table.csv"


def write_parquet(folder: Path, images: ImageSet) -> Path:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"image": [png(image) for image in images.images], "label": images.labels})
    parquet.write_table(table, folder / "table.parquet")
    return folder / "table.parquet"


def write_hugging_face(folder: Path, images: ImageSet) -> Path:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        image=datasets.Image(), label=datasets.ClassLabel(names=[str(n) for n in range(10)])
    )
    columns = {
        "image": [{"bytes": png(image), "path": None} for image in images.images],
        "label": images.labels.tolist(),
    }
    datasets.Dataset.from_dict(columns, features).save_to_disk(folder / "saved")
    return folder / "saved"


WRITERS: dict[str, tuple[Writer, ...]] = {
    "folder": (write_folder,),
    "archive": (write_zip, write_tar_gz),
    "arrays": (write_npz,),
    "idx": (write_idx,),
    "cifar": (write_cifar,),
    "table": (write_csv, write_parquet),
    "huggingface": (write_hugging_face,),
}
CASES = [(name, writer) for name, writers in WRITERS.items() for writer in writers]


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return clearsight.load_data("digits")[0].first(240)


def test_every_format_has_a_writer() -> None:
    assert set(WRITERS) == {row.name for row in FORMATS}


@pytest.mark.parametrize(("name", "write"), CASES, ids=lambda case: getattr(case, "__name__", case))
def test_a_format_is_shown_checked_trained_on_measured_and_named(
    tmp_path: Path, digits: ImageSet, name: str, write: Writer
) -> None:
    path = write(tmp_path, digits)
    assert detect_format(path).name == name
    splits = load_splits(str(path))
    assert sum(len(images) for images in splits.parts.values()) == 240
    write_contact_sheet(splits.train, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 100
    assert (
        check_data(splits, str(path), quick=True).to_json()["parts"].keys() == splits.parts.keys()
    )
    run = clearsight.train(
        path,
        recipe="lesson",
        epochs=1,
        out=tmp_path / "run",
        report=False,
        bundle=False,
        verbose=False,
    )
    assert splits.test is not None
    assert clearsight.evaluate(run).scores.num_images == run.results.test_count == len(splits.test)
    assert clearsight.evaluate(run).scores.accuracy.value == run.results.test_accuracy
    assert clearsight.evaluate(run, str(path)).scores.num_images == len(splits.test)
    predictor = run_as_bundle(run)
    inputs = find_inputs([str(path)], run.path, predictor)
    rows = list(predict_images(inputs, predictor))
    assert len(rows) == inputs.num_images == 240
    assert {str(row.true_label).removeprefix("digit ") for row in rows} == set("0123456789")
    first = find_inputs([f"{path}:test[0:2]"], run.path, predictor)
    names = [row.name for row in predict_images(first, predictor)]
    assert names == [f"{path}:test[0]", f"{path}:test[1]"]


@pytest.mark.slow
def test_the_command_line_reads_paths_in_every_verb(tmp_path: Path, digits: ImageSet) -> None:
    path, out = str(write_zip(tmp_path, digits)), str(tmp_path / "run")
    for arguments in (
        ("data", "show", path, "--out", str(tmp_path / "sheet.png")),
        ("data", "check", path, "--quick", "--out", str(tmp_path / "page.html")),
        ("train", path, "--recipe", "lesson", "--epochs", "1", "--out", out),
        ("evaluate", out),
        ("evaluate", out, "--data", path),
        ("predict", out, path),
    ):
        done = run_cli(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
