"""Strategies that write tables and saved datasets."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from clearsight.data.sources.options import SourceOptions
from support.formats.class_labels import Draw, numbers
from support.formats.content import Content, Layout, contents, encoded

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
    texts = [image.label for image in content.images]
    labels: list[Any] = texts
    if draw(st.booleans()):
        labels = content.codes
        content = content.renamed(numbers(content))
    columns: dict[str, list[Any]] = {"note": ["x, y"] * len(labels), label_name: labels}
    if is_split:
        columns[split_name] = [
            draw(st.sampled_from(TABLE_PARTS[image.part])) for image in content.images
        ]
    groups = None
    if draw(st.booleans()):
        groups = tuple(f"patient {place // 2}" for place in range(len(labels)))
        columns["patient"] = list(groups)
        options["group_column"] = "patient"
    data = [encoded(image.pixels) for image in content.images]
    if kind == "parquet bytes":
        as_struct = draw(st.booleans())
        columns[image_name] = [{"bytes": d, "path": None} for d in data] if as_struct else data
    else:
        columns[image_name] = _write_images(draw, root, data)
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


def _write_images(draw: Draw, root: Path, data: list[bytes]) -> list[str]:
    """Write images next to the table; return the cells that refer to them."""
    (root / "deep" / "er").mkdir(parents=True)
    kind = draw(st.sampled_from(("relative", "absolute", "id", "windows", "name")))
    cells = []
    for place, content in enumerate(data):
        file = root / "deep" / "er" / f"image {place}.png"
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
    delimiter = "\t" if path.suffix == ".tsv" else draw(st.sampled_from(",;\t|"))
    encoding = draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16")))
    num_unlabelled = draw(st.integers(0, 2))
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        if draw(st.booleans()):
            file.write(f"sep={delimiter}\r\n")
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
        for image in content.images:
            writer.writerow((image.label, *image.pixels.ravel().tolist(), image.part))
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
            images = content.of(part)
            codes = [content.class_names.index(image.label) for image in images]
            columns = {
                "image": [{"bytes": encoded(p.pixels), "path": "x.png"} for p in images],
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
        images = content.of(part)
        codes = [content.class_names.index(image.label) for image in images]
        return datasets.Dataset.from_dict(
            {
                "image": [{"bytes": encoded(p.pixels), "path": None} for p in images],
                "label": [p.label for p in images] if is_named else codes,
            },
            features=datasets.Features(features),
        )

    if content.parts == [None]:
        rows(None).save_to_disk(path, num_shards=draw(st.integers(1, 2)))
    else:
        datasets.DatasetDict({part: rows(part) for part in content.parts}).save_to_disk(path)
