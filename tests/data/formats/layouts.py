"""One strategy for each format that writes a random legal layout: the table is `LAYOUTS`."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
import tarfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clearsight.data.listing import PARTS
from clearsight.data.options import SourceOptions
from data.formats.content import Content, Layout, Picture, contents, encoded

Draw = Callable[[st.SearchStrategy[Any]], Any]

LOSSLESS = {"png": "PNG", "bmp": "BMP", "tif": "TIFF", "PNG": "PNG"}
PART_FOLDERS = {
    "train": ("train", "Training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def numbers(content: Content) -> tuple[str, ...]:
    return tuple(str(code) for code in range(len(content.class_names)))


# Class folders, on disk and in archives.


def class_folders(draw: Draw) -> tuple[dict[str, bytes], Layout]:
    """Files by their paths; the layout's own path is still to be set."""
    content = draw(contents())
    nested = draw(st.booleans())
    folder_of = {
        name: f"{name}/{name} x" if nested and place == 0 else name
        for place, name in enumerate(content.class_names)
    }
    named = {name: folder_of[name] for name in content.class_names}
    content = Content(
        tuple(sorted(named.values())),
        tuple(Picture(p.pixels, named[p.label], p.part) for p in content.pictures),
    )
    folders = {part: draw(st.sampled_from(PART_FOLDERS[part])) for part in PARTS}
    files: dict[str, bytes] = {}
    for place, picture in enumerate(content.pictures):
        ending = draw(st.sampled_from(sorted(LOSSLESS)))
        ending = "png" if picture.pixels.shape[2] == 4 else ending
        prefix = f"{folders[picture.part]}/" if picture.part else ""
        path = f"{prefix}{picture.label}/{place}.{ending}"
        files[path] = encoded(picture.pixels, LOSSLESS[ending])
    first = f"{folders['train']}/{content.class_names[0]}"
    first = first if any(content.parts) else content.class_names[0]
    skipped: Counter[str] = Counter()
    for path, reason in (
        (".DS_Store", "hidden"),
        ("__MACOSX/._a.png", "hidden"),
        (f"{first}/.ipynb_checkpoints/b.png", "hidden"),
        (f"{first}/Thumbs.db", "hidden"),
        (f"{first}/readme.txt", "not a picture"),
        ("outside.png", "picture outside of any class folder"),
        ("labels.json", "not a picture"),
    ):
        if draw(st.booleans()):
            files[path] = b"litter"
            skipped[reason] += 1
    # One folder around everything, as archives often have; nothing lies beside it then.
    if not nested and "outside.png" not in files and draw(st.booleans()):
        files = {f"my pictures/{path}": data for path, data in files.items()}
    return files, Layout(Path(), content, skipped=skipped)


def folder(draw: Draw, root: Path) -> Layout:
    files, layout = class_folders(draw)
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    empty = ()
    if (
        not any(layout.content.parts)
        and not (root / "my pictures").is_dir()
        and draw(st.booleans())
    ):
        (root / "zero").mkdir()
        empty = ("zero",)
    return Layout(root, layout.content, skipped=layout.skipped, empty_classes=empty)


def archive(draw: Draw, root: Path) -> Layout:
    files, layout = class_folders(draw)
    kind = draw(st.sampled_from(("zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz")))
    path = root / f"pictures.{kind}"
    skipped = Counter(layout.skipped)
    writer = _ZipWriter(path, draw) if kind == "zip" else _TarWriter(path, kind)
    with writer:
        for name in draw(st.permutations(sorted(files))):
            if draw(st.integers(0, 5)) == 0 and name.endswith("png") and files[name] != b"litter":
                writer.add(name, b"an earlier version")
                skipped["file that a later one of the same name replaces"] += 1
            writer.add(name, files[name])
        for name, reason in (
            ("../out.png", "path out of the archive"),
            ("/abs/out.png", "path out of the archive"),
            ("a/../../out.png", "path out of the archive"),
        ):
            if draw(st.booleans()):
                writer.add(name, b"hostile")
                skipped[reason] += 1
        if draw(st.booleans()):
            writer.link("link.png", "/etc/passwd")
            skipped["link or device in the archive"] += 1
    return Layout(path, layout.content, skipped=skipped)


class _ZipWriter:
    """Writes members of whatever name, twice too."""

    def __init__(self, path: Path, draw: Draw) -> None:
        kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        self._file = zipfile.ZipFile(path, "w", draw(st.sampled_from(kinds)))

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, name: str, data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that is there already
            self._file.writestr(name, data)

    def link(self, name: str, target: str) -> None:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, 0o120777 << 16
        self._file.writestr(info, target)


class _TarWriter:
    def __init__(self, path: Path, kind: str) -> None:
        mode = {"tar": "", "tgz": "gz"}.get(kind, kind.removeprefix("tar."))
        self._file = tarfile.open(path, f"w:{mode}")  # noqa: SIM115 - closed on exit

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self._file.addfile(info, io.BytesIO(data))

    def link(self, name: str, target: str) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._file.addfile(info)


# Arrays.

ARRAY_NAMES = {
    "x_{part}": "y_{part}",
    "X_{part}": "Y_{part}",
    "{part}_images": "{part}_labels",
    "images_{part}": "labels_{part}",
    "{part}_data": "{part}_targets",
}
UNDIVIDED_NAMES = {
    "x": "y", "X": "Y", "images": "labels", "image": "label", "data": "target", "imgs": "targets",
}  # fmt: skip


def arrays(draw: Draw, root: Path) -> Layout:
    content = draw(contents(same_size=True, undivided="train"))
    is_divided = len(content.parts) > 1 or draw(st.booleans())
    names = draw(st.sampled_from(sorted((ARRAY_NAMES if is_divided else UNDIVIDED_NAMES).items())))
    values = draw(st.sampled_from(("uint8", "unit", "int64", "whole", "uint16")))
    axes = draw(st.sampled_from(("NHWC", "NCHW", "NHW")))
    labels, class_names, content, options = _array_labels(draw, content, root)
    saved: dict[str, np.ndarray] = dict(class_names)
    for part in content.parts:
        pictures = content.of(part)
        images = np.stack([picture.pixels for picture in pictures])
        if axes == "NCHW" and images.shape[3] in (1, 3, 4):
            images = np.moveaxis(images, 3, 1)
        elif axes == "NHW" and images.shape[3] == 1:
            images = images[..., 0]
        word = {"validation": draw(st.sampled_from(("val", "valid")))}.get(part, part)
        saved[names[0].format(part=word)] = _as_values(images, values)
        chosen = [place for place, p in enumerate(content.pictures) if p.part == part]
        saved[names[1].format(part=word)] = labels[chosen]
    if draw(st.booleans()):
        path = root / "data.npz"
        extra = draw(st.booleans())
        savez = np.savez_compressed if draw(st.booleans()) else np.savez
        savez(path, **saved, **({"weights_of": np.zeros(3)} if extra else {}))
        skipped = {"array that is neither pictures nor labels": 1} if extra else {}
        return Layout(path, content, options, skipped)
    for name, array in saved.items():
        np.save(root / f"{name}.npy", array, allow_pickle=False)
    image_file = names[0].format(part="train") + ".npy"
    return Layout(root / image_file if draw(st.booleans()) else root, content, options)


def _as_values(images: np.ndarray, values: str) -> np.ndarray:
    if values == "unit":
        return images.astype(np.float32) / 255
    if values == "uint16":
        return images.astype(np.uint16) * 257
    return images.astype({"whole": np.float64}.get(values, values))


def _array_labels(
    draw: Draw, content: Content, root: Path
) -> tuple[np.ndarray, dict[str, np.ndarray], Content, SourceOptions]:
    kinds = ("codes", "text", "one-hot", "column", "float", "from 1", "gaps", "named", "file")
    kind = draw(st.sampled_from(kinds))
    codes = np.array(content.codes)
    texts = [picture.label for picture in content.pictures]
    num_classes = len(content.class_names)
    plain = SourceOptions()
    if kind == "text":
        return np.array(texts), {}, content, plain
    if kind in ("from 1", "gaps"):
        step = 1 if kind == "from 1" else 7
        shown = tuple(str(1 + step * code) for code in range(num_classes))
        return 1 + step * codes, {}, content.renamed(shown), plain
    if kind == "named":
        return codes, {"class_names": np.array(content.class_names)}, content, plain
    if kind == "file":
        return codes, {}, content, SourceOptions(class_names=names_file(draw, content, root))
    forms = {
        "codes": codes.astype(draw(st.sampled_from((np.uint8, np.int64)))),
        "one-hot": np.eye(num_classes)[codes],
        "column": codes[:, None],
        "float": codes.astype(np.float32),
    }
    return forms[kind], {}, content.renamed(numbers(content)), plain


def names_file(draw: Draw, content: Content, root: Path) -> Path:
    """Write the class names in one of the forms that --class-names takes."""
    listed = list(content.class_names)
    kind = draw(st.sampled_from(("list", "index to name", "name to index", "text")))
    if kind == "text":
        path = root / "names.txt"
        path.write_text("\n".join(listed) + "\n", encoding="utf-8")
        return path
    values: Any = listed
    if kind == "index to name":
        values = {str(code): name for code, name in enumerate(listed)}
    elif kind == "name to index":
        values = {name: code for code, name in reversed(list(enumerate(listed)))}
    path = root / "names.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


# IDX and CIFAR.


def idx_bytes(values: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


def idx(draw: Draw, root: Path) -> Layout:
    content = draw(contents(same_size=True, channels=(1,), undivided="train"))
    prefix = draw(st.sampled_from(("", "emnist-letters-", "kuzushiji-")))
    separator = draw(st.sampled_from("-."))
    path = root
    for part in content.parts:
        images = np.stack([picture.pixels[..., 0] for picture in content.of(part)])
        if prefix.startswith("emnist"):
            images = images.transpose(0, 2, 1)
        codes = np.array([content.class_names.index(p.label) for p in content.of(part)])
        word = {"test": draw(st.sampled_from(("t10k", "test"))), "validation": "val"}.get(
            part, part
        )
        for what, values in ((f"images{separator}idx3", images), (f"labels{separator}idx1", codes)):
            data = idx_bytes(values)
            ending = draw(st.sampled_from(("", ".gz")))
            file = root / f"{prefix}{word}-{what}-ubyte{ending}"
            file.write_bytes(gzip.compress(data) if ending else data)
            if part == "train" and what.startswith("images") and draw(st.booleans()):
                path = file
    if draw(st.booleans()):
        return Layout(path, content, SourceOptions(class_names=names_file(draw, content, root)))
    return Layout(path, content.renamed(numbers(content)))


def cifar_files(content: Content, version: int) -> dict[str, bytes]:
    """The files of CIFAR's binary version with these pictures."""
    files: dict[str, bytes] = {}
    train, test = content.of("train"), content.of("test")
    if version == 10:
        shares = [train[place::5] for place in range(5)]
        batches = {f"data_batch_{n}.bin": share for n, share in enumerate(shares, 1) if share}
        batches |= {"test_batch.bin": test} if test else {}
        names_name = "batches.meta.txt"
    else:
        batches = {"train.bin": train} | ({"test.bin": test} if test else {})
        names_name = "fine_label_names.txt"
    for name, pictures in batches.items():
        records = []
        for picture in pictures:
            code = content.class_names.index(picture.label)
            prefix = bytes([code]) if version == 10 else bytes([0, code])
            records.append(prefix + np.moveaxis(picture.pixels, 2, 0).tobytes())
        files[name] = b"".join(records)
    files[names_name] = ("\n".join(content.class_names) + "\n\n").encode()
    return files


def cifar(draw: Draw, root: Path) -> Layout:
    content = draw(contents(same_size=True, channels=(3,), undivided="train", size=(32, 32)))
    without = [picture for picture in content.pictures if picture.part != "validation"]
    content = Content(content.class_names, tuple(without))
    files = cifar_files(content, draw(st.sampled_from((10, 100))))
    if draw(st.booleans()):
        for name, data in files.items():
            (root / name).write_bytes(data)
        return Layout(root, content)
    path = root / "cifar-binary.tar.gz"
    writer = _TarWriter(path, "tar.gz")
    with writer:
        for name in draw(st.permutations(sorted(files))):
            writer.add(f"cifar-batches-bin/{name}", files[name])
    return Layout(path, content)


# Tables and saved data sets.

TABLE_PARTS = {"train": ("train", "TRAIN"), "validation": ("val", "dev"), "test": ("test",)}


def table(draw: Draw, root: Path) -> Layout:
    kind = draw(st.sampled_from(("paths", "pixels", "parquet bytes", "parquet paths")))
    if kind == "pixels":
        return _pixel_table(draw, root)
    content = draw(contents())
    is_split = any(content.parts)
    usual = draw(st.booleans())
    image_name = draw(st.sampled_from(("image", "Path", "file name", "id"))) if usual else "where"
    label_name = draw(st.sampled_from(("label", "class", "Target"))) if usual else "what"
    split_name = draw(st.sampled_from(("split", "subset"))) if usual else "which"
    options: dict[str, Any] = {}
    if not usual:
        options = {"image_column": image_name, "label_column": label_name}
        options |= {"split_column": split_name} if is_split else {}
    texts = [picture.label for picture in content.pictures]
    labels: list[Any] = texts
    if draw(st.booleans()):
        labels = content.codes
        content = content.renamed(numbers(content))
    columns: dict[str, list[Any]] = {"note": ["x, y"] * len(labels), label_name: labels}
    if is_split:
        columns[split_name] = [
            draw(st.sampled_from(TABLE_PARTS[picture.part])) for picture in content.pictures
        ]
    groups = None
    if draw(st.booleans()):
        groups = tuple(f"patient {place // 2}" for place in range(len(labels)))
        columns["patient"] = list(groups)
        options["group_column"] = "patient"
    data = [encoded(picture.pixels) for picture in content.pictures]
    if kind == "parquet bytes":
        as_struct = draw(st.booleans())
        columns[image_name] = [{"bytes": d, "path": None} for d in data] if as_struct else data
    else:
        columns[image_name] = _write_pictures(draw, root, data)
    order = draw(st.permutations(sorted(columns)))
    columns = {name: columns[name] for name in order}
    path = root / f"table.{'csv' if kind == 'paths' else 'parquet'}"
    skipped: dict[str, int] = {}
    if kind == "paths":
        path = path.with_suffix(draw(st.sampled_from((".csv", ".tsv"))))
        skipped = _write_csv(draw, path, columns, label_name, split_name)
    else:
        _write_parquet(draw, path, columns)
    return Layout(path, content, SourceOptions(**options), skipped, groups=groups)


def _write_pictures(draw: Draw, root: Path, data: list[bytes]) -> list[str]:
    """Write pictures beside the table; return what the table calls them."""
    (root / "deep" / "er").mkdir(parents=True)
    kind = draw(st.sampled_from(("relative", "absolute", "id", "windows", "name")))
    cells = []
    for place, content in enumerate(data):
        file = root / "deep" / "er" / f"picture {place}.png"
        file.write_bytes(content)
        relative = file.relative_to(root).as_posix()
        forms = {
            "relative": relative,
            "absolute": str(file),
            "id": file.stem,
            "windows": relative.replace("/", "\\"),
            "name": file.name,
        }
        cells.append(forms[kind])
    return cells


def _write_csv(
    draw: Draw, path: Path, columns: dict[str, list[Any]], label_name: str, split_name: str
) -> dict[str, int]:
    delimiter = "\t" if path.suffix == ".tsv" else draw(st.sampled_from(",;\t"))
    encoding = draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16")))
    num_unlabelled = draw(st.integers(0, 2))
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        if draw(st.booleans()):
            file.write("\r\n")
        cell_of = dict.fromkeys(columns, "none.png") | {split_name: "train", label_name: ""}
        for _ in range(num_unlabelled):
            writer.writerow(cell_of[name] for name in columns)
    return {"row without a label": num_unlabelled} if num_unlabelled else {}


def _write_parquet(draw: Draw, path: Path, columns: dict[str, list[Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    compression = draw(st.sampled_from(("snappy", "zstd", "none")))
    parquet.write_table(
        pa.table(columns), path, row_group_size=draw(st.integers(1, 4)), compression=compression
    )


def _pixel_table(draw: Draw, root: Path) -> Layout:
    side = draw(st.sampled_from((2, 5, 6)))
    content = draw(contents(same_size=True, channels=(1,), undivided="train", size=(side, side)))
    content = content.renamed(numbers(content))
    naming = draw(st.sampled_from(("pixel{0}", "{1}x{2}")))
    names = [naming.format(n, n // side + 1, n % side + 1) for n in range(side * side)]
    path = root / "train.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("label", *names, "split"))
        for picture in content.pictures:
            writer.writerow((picture.label, *picture.pixels.ravel().tolist(), picture.part))
    return Layout(path, content)


def huggingface(draw: Draw, root: Path) -> Layout:
    content = draw(contents())
    path = root / "saved"
    kind = draw(st.sampled_from(("saved", "parquet", "data/parquet")))
    names = dict(enumerate(content.class_names))
    is_named = draw(st.booleans())
    path.mkdir()
    if kind == "saved":
        _save_to_disk(draw, path, content, is_named)
    else:
        folder = path / "data" if kind == "data/parquet" else path
        folder.mkdir(exist_ok=True)
        for part in content.parts:
            word = draw(st.sampled_from(TABLE_PARTS[part])).lower() if part else "all"
            pictures = content.of(part)
            codes = [content.class_names.index(picture.label) for picture in pictures]
            columns = {
                "image": [{"bytes": encoded(p.pixels), "path": "x.png"} for p in pictures],
                "label": [names[code] for code in codes] if is_named else codes,
            }
            _write_parquet(draw, folder / f"{word}-00000-of-00001.parquet", columns)
    if kind != "saved" and not is_named:
        content = content.renamed(numbers(content))
    return Layout(path, content)


def _save_to_disk(draw: Draw, path: Path, content: Content, is_named: bool) -> None:
    import datasets

    datasets.disable_progress_bars()
    label = datasets.ClassLabel(names=list(content.class_names))
    features = {"image": datasets.Image(), "label": datasets.Value("string") if is_named else label}

    def rows(part: Any) -> Any:
        pictures = content.of(part)
        codes = [content.class_names.index(picture.label) for picture in pictures]
        return datasets.Dataset.from_dict(
            {
                "image": [{"bytes": encoded(p.pixels), "path": None} for p in pictures],
                "label": [p.label for p in pictures] if is_named else codes,
            },
            features=datasets.Features(features),
        )

    if content.parts == [None]:
        rows(None).save_to_disk(path, num_shards=draw(st.integers(1, 2)))
    else:
        datasets.DatasetDict({part: rows(part) for part in content.parts}).save_to_disk(path)


LAYOUTS: dict[str, Callable[[Draw, Path], Layout]] = {
    "archive": archive,
    "arrays": arrays,
    "cifar": cifar,
    "folder": folder,
    "huggingface": huggingface,
    "idx": idx,
    "table": table,
}
