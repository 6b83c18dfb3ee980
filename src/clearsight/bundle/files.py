"""The files of a bundle, in a folder or a .zip; an archive is never unpacked onto the disk."""

from __future__ import annotations

import hashlib
import os
import shlex
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from clearsight.bundle.spec import SPEC_FILE, BundleSpec, FileRecord
from clearsight.errors import BundleError
from clearsight.io.path_state import what_is_at

BUNDLE_FOLDER = "bundle"  # in a run's folder
# Limits on what is read into memory. A protobuf, and so an ONNX file, is smaller than 2 GiB.
_MAX_BYTES = 2**31
_MAX_SPEC_BYTES = 16 * 2**20  # enough for the names of 200,000 classes


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
        return cls(path, BundleSpec.from_json(_read(path, SPEC_FILE, _MAX_SPEC_BYTES), str(path)))

    def read(self, name: str) -> bytes:
        """Return a file's content after comparing it with ``bundle.json``.

        Raises:
            BundleError: if the file is missing, or its size or hash differ.
        """
        record = self.spec.files.get(name)
        if record is None:
            raise BundleError(
                f"{self.path} should hold {name}, but its {SPEC_FILE} does not list it: export the "
                "run again."
            )
        content = _read(self.path, name, min(record.size_bytes, _MAX_BYTES))
        found = file_record(content)
        if found != record:
            raise BundleError(
                f"{self.path}'s {name} should have SHA-256 {record.sha256[:12]}… and "
                f"{record.size_bytes:,} bytes, but has {found.sha256[:12]}… and "
                f"{found.size_bytes:,}: it was changed or cut short; export the run again."
            )
        return content


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
    if os.path.isfile(path / "run.json"):
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
            with (path / name).open("rb") as file:
                return file.read(max_bytes + 1)
        with zipfile.ZipFile(path) as archive, archive.open(_find_member(archive, name)) as file:
            return file.read(max_bytes + 1)  # regardless of the size that the archive claims
    except (FileNotFoundError, KeyError) as error:
        raise BundleError(_missing(path, name)) from error
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError) as error:
        raise BundleError(
            f"{path} should be a bundle's folder or .zip, but cannot be read as one ({error})."
        ) from error
    except OSError as error:
        raise BundleError(f"{name} in {path} cannot be read: {error.strerror or error}.") from error


def _find_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Find a file at the top of an archive, or in the one folder that was packed."""
    found = [info for info in archive.infolist() if Path(info.filename).name == name]
    nearest = min(found, key=lambda info: info.filename.count("/"), default=None)
    if nearest is None or nearest.filename.count("/") > 1:
        raise KeyError(name)
    return nearest


def _missing(path: Path, name: str) -> str:
    if os.path.lexists(path) and name != SPEC_FILE:
        return f"{path} should hold {name}, but does not: export the run again."
    is_archive = os.path.isfile(path) and zipfile.is_zipfile(path)
    problem = f"has no {SPEC_FILE}" if is_archive else what_is_at(path, SPEC_FILE)
    return (
        f"A bundle should be a folder or a .zip that `clearsight export` wrote, but {path} "
        f"{problem}."
    )
