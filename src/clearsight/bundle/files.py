"""The files of a bundle, in a folder or a .zip; an archive is never unpacked onto the disk.

A bundle may come from anyone, so each file is read up to what it may be, and only regular files
that are in the bundle's own folder are read.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clearsight.bundle.spec import PARITY_FILE, README_FILE, SPEC_FILE, BundleSpec, FileRecord
from clearsight.errors import BundleError, list_some
from clearsight.io.path_state import what_is_at
from clearsight.io.regular_file import open_regular
from clearsight.io.small_archive import DAMAGED_ARCHIVE, SmallArchive
from clearsight.option_names import for_reader

BUNDLE_FOLDER = "bundle"  # in a run's folder
_RUN_RECORD, _SEEDS_RECORD = "run.json", "seeds.json"
# What is read into memory of each file.
_MAX_BYTES = {
    SPEC_FILE: 8 * 2**20,  # enough for the names of 200,000 classes
    README_FILE: 2**20,
    PARITY_FILE: 2**30,
}
_MAX_MODEL_BYTES = 2**31  # a protobuf, and so an ONNX file, is smaller


@dataclass(frozen=True)
class BundleFiles:
    """The files of one bundle.

    Attributes:
        path: the folder or the .zip.
        spec: the content of ``bundle.json``, with the size and hash of every other file.
    """

    path: Path
    spec: BundleSpec

    @classmethod
    def open(cls, path: Path) -> BundleFiles:
        """Open a bundle's folder or .zip and read its ``bundle.json``.

        Raises:
            BundleError: if there is no bundle, or it is damaged or of another version.
        """
        content = _read(path, SPEC_FILE, _MAX_BYTES[SPEC_FILE])
        if len(content) > _MAX_BYTES[SPEC_FILE]:
            raise _too_large(path, SPEC_FILE, len(content))
        return cls(path, BundleSpec.from_json(content, str(path)))

    def check(self, model_files: tuple[str, ...]) -> None:
        """Check that there is exactly what a bundle has, and the content of all but the model.

        Args:
            model_files: the names of the model's files, which are checked when they are read.

        Raises:
            BundleError: if a file is missing, differs from its record, or does not belong there.
        """
        others = (PARITY_FILE, README_FILE)
        unknown = sorted(self.spec.files.keys() - {*model_files, *others})
        if unknown:
            raise BundleError(
                f"{self.path} should hold {', '.join((*model_files, *others))}, but its "
                f"{SPEC_FILE} also lists {list_some(unknown)}: do not use it, or export the run "
                "again."
            )
        for name in (*model_files, *others):
            self._record(name)
        for name in others:
            self.read(name)

    def read(self, name: str) -> bytes:
        """Return a file's content after comparing it with ``bundle.json``.

        Raises:
            BundleError: if the file is missing, or its size or hash differ.
        """
        record = self._record(name)
        content = _read(self.path, name, record.size_bytes)
        found = file_record(content)
        if found != record:
            raise BundleError(
                f"{self.path}'s {name} should have SHA-256 {record.sha256[:12]}… and "
                f"{record.size_bytes:,} bytes, but has {found.sha256[:12]}… and "
                f"{found.size_bytes:,}: it was changed or cut short; export the run again."
            )
        return content

    def _record(self, name: str) -> FileRecord:
        record = self.spec.files.get(name)
        if record is None:
            raise BundleError(
                f"{self.path} should hold {name}, but its {SPEC_FILE} does not list it: export the "
                "run again."
            )
        if record.size_bytes > _MAX_BYTES.get(name, _MAX_MODEL_BYTES):
            raise _too_large(self.path, name, record.size_bytes)
        return record


def file_record(content: bytes) -> FileRecord:
    """Compute the SHA-256 and size of a file's content."""
    return FileRecord(hashlib.sha256(content).hexdigest(), len(content))


def is_bundle(path: Path) -> bool:
    """Check whether a path is a folder with ``bundle.json``, or a .zip."""
    return os.path.isfile(path / SPEC_FILE) or (
        path.suffix.lower() == ".zip" and os.path.isfile(path)
    )


def bundle_path(run: Path, model_format: str = "onnx", precision: str = "float32") -> Path:
    """Return the default path of a run's bundle.

    Example:
        >>> bundle_path(Path("runs/a")).name, bundle_path(Path("runs/a"), precision="int8").name
        ('bundle', 'bundle-int8')
    """
    words = [model_format] * (model_format != "onnx") + [precision] * (precision != "float32")
    return run / "-".join([BUNDLE_FOLDER, *words])


def find_bundle(path: Path, model_format: str = "onnx", precision: str = "float32") -> Path:
    """Return `path` if it is a bundle, or the path of the bundle in a run's folder.

    Raises:
        BundleError: if there is none.
    """
    if is_bundle(path):
        return path
    in_run = bundle_path(path, model_format, precision)
    if is_bundle(in_run):
        return in_run
    if os.path.isfile(path / _RUN_RECORD):
        options = ["--format", model_format] * (model_format != "onnx")
        options += ["--int8"] * (precision == "int8")
        raise BundleError(
            f"{path} should have a bundle at {in_run}, but has none yet: create it with "
            f"{shlex.join(['clearsight', 'export', str(path), *options])}"
        )
    raise BundleError(
        f"The path should be a run (a folder with run.json) or a bundle (with {SPEC_FILE}), but "
        f"{path} {what_is_at(path, 'such file')}."
    )


def _read(path: Path, name: str, max_bytes: int) -> bytes:
    """Read one byte more than allowed, so that a longer file does not match its record."""
    try:
        if os.path.isdir(path):
            with _open_in_folder(path, name) as file:
                # No more than is there: Python allocates what is asked for.
                return file.read(min(os.fstat(file.fileno()).st_size, max_bytes) + 1)
        with open_regular(path) as file, SmallArchive(file) as archive:
            return archive.read_up_to(_find_member(archive, name), max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError, KeyError) as error:
        raise BundleError(_missing(path, name)) from error
    except DAMAGED_ARCHIVE as error:
        raise BundleError(
            f"{path} should be a bundle's folder or .zip, but cannot be read as one ({error})."
        ) from error
    except OSError as error:
        raise BundleError(f"{name} in {path} cannot be read: {error.strerror or error}.") from error


def _open_in_folder(folder: Path, name: str) -> BinaryIO:
    """Open a file of a bundle's folder, or one in it that a link there leads to."""
    root, target = os.path.realpath(folder), os.path.realpath(folder / name)
    if os.path.commonpath((root, target)) != root:
        raise BundleError(
            f"{name} should be in the bundle's folder {folder}, but is a link to a file elsewhere, "
            "which is not read: copy the folder with its files, as cp -rL does."
        )
    return open_regular(Path(target), follow_links=False)


def _find_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Find a file at the top of an archive, or in the one folder that was packed."""
    found = [info for info in archive.infolist() if Path(info.filename).name == name]
    nearest = min(found, key=lambda info: info.filename.count("/"), default=None)
    if nearest is None or nearest.filename.count("/") > 1:
        raise KeyError(name)
    return nearest


def _too_large(path: Path, name: str, size_bytes: int) -> BundleError:
    limit = _MAX_BYTES.get(name, _MAX_MODEL_BYTES)
    return BundleError(
        f"{path}'s {name} should have at most {limit:,} bytes, but has {size_bytes:,}: do not use "
        "it, or export the run again."
    )


def _missing(path: Path, name: str) -> str:
    if os.path.lexists(path) and name != SPEC_FILE:
        return f"{path} should hold {name}, but does not: export the run again."
    is_archive = os.path.isfile(path) and zipfile.is_zipfile(path)
    problem = f"has no {SPEC_FILE}" if is_archive else what_is_at(path, SPEC_FILE)
    return (
        f"A bundle should be a folder or a .zip that `clearsight export` wrote, but {path} "
        f"{problem}{_what_instead(path)}."
    )


def _what_instead(path: Path) -> str:
    """Return how to open in Python what is no bundle, as the end of a sentence; "" if unknown."""
    if os.path.isfile(path / _SEEDS_RECORD):
        return for_reader("", f": it holds several seeds, which SeedRuns.load({str(path)!r}) loads")
    if path.suffix == ".keras" and os.path.isfile(path):
        return for_reader("", f": keras.models.load_model({str(path)!r}) loads it")
    if not os.path.isfile(path / _RUN_RECORD):
        return ""
    run, inside = str(path), str(path / BUNDLE_FOLDER)
    has_bundle = is_bundle(Path(inside))
    bundle = f"load({inside!r}) opens its bundle"
    if not has_bundle:
        bundle = f"`clearsight export {shlex.quote(run)}` makes its bundle"
    return for_reader("", f": it is a run, which Run.load({run!r}) loads; {bundle}")
