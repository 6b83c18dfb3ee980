"""Strategies that write class folders, on disk and in archives."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from clearsight.data.listing import PARTS
from clearsight.data.sources.options import SourceOptions
from support.formats.class_labels import Draw
from support.formats.content import Content, Layout, Sample, contents, encoded

LOSSLESS = {"png": "PNG", "bmp": "BMP", "tif": "TIFF", "PNG": "PNG"}
PART_FOLDERS = {
    "train": ("train", "Training", "training_set", "seg_train/seg_train", "train_images"),
    "validation": ("val", "valid", "validation", "dev", "Valid_Data"),
    "test": ("test", "testing", "test_set", "seg_test/seg_test"),
}


def class_folders(draw: Draw) -> tuple[dict[str, bytes], Layout]:
    """Files by their paths; the layout's own path is still to be set."""
    content = draw(contents())
    nested = draw(st.sampled_from((None, "merged", "classes")))
    folder_of = {
        name: f"{name}/{name} x" if nested and place == 0 else name
        for place, name in enumerate(content.class_names)
    }
    named = folder_of if nested == "classes" else {name: name for name in content.class_names}
    folders = {part: draw(st.sampled_from(PART_FOLDERS[part])) for part in PARTS}
    files: dict[str, bytes] = {}
    for place, image in enumerate(content.images):
        ending = draw(st.sampled_from(sorted(LOSSLESS)))
        ending = "png" if image.pixels.shape[2] == 4 else ending
        prefix = f"{folders[image.part]}/" if image.part else ""
        path = f"{prefix}{folder_of[image.label]}/{place}.{ending}"
        files[path] = encoded(image.pixels, LOSSLESS[ending])
    content = Content(
        tuple(sorted(named.values())),
        tuple(Sample(p.pixels, named[p.label], p.part) for p in content.images),
    )
    first = f"{folders['train']}/{content.class_names[0]}"
    first = first if any(content.parts) else content.class_names[0]
    skipped: Counter[str] = Counter()
    for path, reason in (
        (".DS_Store", "hidden"),
        ("__MACOSX/._a.png", "hidden"),
        (f"{first}/.ipynb_checkpoints/b.png", "hidden"),
        (f"{first}/Thumbs.db", "hidden"),
        (f"{first}/readme.txt", "not an image"),
        ("outside.png", "image outside of any class folder"),
        ("labels.json", "not an image"),
    ):
        if draw(st.booleans()):
            files[path] = b"litter"
            skipped[reason] += 1
    # One folder around everything, as archives often have; nothing is next to it then.
    if not nested and "outside.png" not in files and draw(st.booleans()):
        files = {f"my images/{path}": data for path, data in files.items()}
    options = SourceOptions(nested_classes=nested == "classes")
    return files, Layout(Path(), content, options, skipped=skipped)


def folder(draw: Draw, root: Path) -> Layout:
    files, layout = class_folders(draw)
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    empty = ()
    if not any(layout.content.parts) and not (root / "my images").is_dir() and draw(st.booleans()):
        (root / "zero").mkdir()
        empty = ("zero",)
    return replace(layout, path=root, empty_classes=empty)


def archive(draw: Draw, root: Path) -> Layout:
    files, layout = class_folders(draw)
    kind = draw(st.sampled_from(("zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz")))
    path = root / f"images.{kind}"
    skipped = Counter(layout.skipped)
    writer = ZipWriter(path, draw) if kind == "zip" else TarWriter(path, kind)
    with writer:
        for name in draw(st.permutations(sorted(files))):
            if draw(st.integers(0, 5)) == 0 and name.endswith("png") and files[name] != b"litter":
                writer.add(name, b"an earlier version")
                skipped["replaced by a later file of the same name"] += 1
            writer.add(name, files[name])
        for name, reason in (
            ("../out.png", "path that leads out of the archive"),
            ("a/../../out.png", "path that leads out of the archive"),
        ):
            if draw(st.booleans()):
                writer.add(name, b"hostile")
                skipped[reason] += 1
        if draw(st.booleans()):
            writer.link("link.png", "/etc/passwd")
            skipped["link out of the archive or to no image"] += 1
    return replace(layout, path=path, skipped=skipped)


class ZipWriter:
    """Writes members of any name, even twice."""

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


class TarWriter:
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
