"""The files of a bundle, in a folder or a .zip, read whole and never unpacked onto the disk."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clearsight.bundle.spec import SPEC_FILE, BundleSpec, FileRecord
from clearsight.errors import BundleError

# What is read into memory at most. A protobuf, and so an ONNX file, cannot be larger than 2 GiB.
_MOST_BYTES = 2**31
_MOST_SPEC_BYTES = 16 * 2**20  # the names of 200,000 classes


@dataclass(frozen=True)
class BundleFiles:
    """Where a bundle's files lie.

    Attributes:
        path: the folder, or the .zip.
        spec: what they should be.
    """

    path: Path
    spec: BundleSpec

    @classmethod
    def open(cls, path: Path) -> BundleFiles:
        """Open a bundle's folder or .zip and read its ``bundle.json``.

        Raises:
            BundleError: when there is none, or it is damaged or of another version.
        """
        return cls(path, BundleSpec.from_json(_read(path, SPEC_FILE, _MOST_SPEC_BYTES), str(path)))

    def read(self, name: str) -> bytes:
        """Return a file's content, which is what ``bundle.json`` says of it.

        Raises:
            BundleError: when the file is absent, or another than was written.
        """
        record = self.spec.files.get(name)
        if record is None:
            raise BundleError(
                f"{self.path} should hold {name}, but its {SPEC_FILE} names none: export the run "
                "again."
            )
        content = _read(self.path, name, min(record.size_bytes, _MOST_BYTES))
        found = record_of(content)
        if found != record:
            raise BundleError(
                f"{self.path}'s {name} should have SHA-256 {record.sha256[:12]}… and "
                f"{record.size_bytes:,} bytes, but has {found.sha256[:12]}… and "
                f"{found.size_bytes:,}: it was changed or cut short; export the run again."
            )
        return content

    def check_all(self) -> None:
        """Check every file.

        Raises:
            BundleError: as `read`.
        """
        for name in self.spec.files:
            self.read(name)


def record_of(content: bytes) -> FileRecord:
    """Return a content's SHA-256 and size."""
    return FileRecord(hashlib.sha256(content).hexdigest(), len(content))


def is_bundle(path: Path) -> bool:
    """Tell whether a path is a bundle's: a folder with ``bundle.json``, or a .zip."""
    return os.path.isfile(path / SPEC_FILE) or (
        path.suffix.lower() == ".zip" and os.path.isfile(path)
    )


def _read(path: Path, name: str, most: int) -> bytes:
    if os.path.isdir(path):
        return _read_in_folder(path, name, most)
    if os.path.isfile(path):
        return _read_in_zip(path, name, most)
    raise BundleError(
        f"A bundle should be a folder or a .zip that `clearsight export` made, but {path} does not "
        "exist."
    )


def _read_in_folder(path: Path, name: str, most: int) -> bytes:
    try:
        with (path / name).open("rb") as file:
            return file.read(most + 1)  # one more, so that a longer file is noticed
    except FileNotFoundError as error:
        raise _absent(path, name) from error
    except OSError as error:
        raise BundleError(f"{path / name} cannot be read: {error.strerror or error}.") from error


def _read_in_zip(path: Path, name: str, most: int) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            member = _member(archive, name)
            if member is None:
                raise _absent(path, name)
            with archive.open(member) as file:
                return file.read(most + 1)  # whatever size the archive claims
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BundleError(
            f"{path} should be a bundle's folder or .zip, but cannot be read as one ({error})."
        ) from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}.") from error


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    """Find a file at the top of an archive, or in the one folder that it was packed with."""
    by_depth: Callable[[zipfile.ZipInfo], int] = lambda info: info.filename.count("/")  # noqa: E731
    named = [info for info in archive.infolist() if Path(info.filename).name == name]
    nearest = min(named, key=by_depth, default=None)
    return nearest if nearest is not None and by_depth(nearest) <= 1 else None


def _absent(path: Path, name: str) -> BundleError:
    if name == SPEC_FILE:
        return BundleError(
            f"A bundle should be a folder or a .zip that `clearsight export` made, but {path} has "
            f"no {SPEC_FILE}."
        )
    return BundleError(f"{path} should hold {name}, but does not: export the run again.")
