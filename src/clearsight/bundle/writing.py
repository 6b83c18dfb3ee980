"""Writing a bundle: whole, checked by replaying its images, and only then put in its place."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.bundle.files import is_bundle, record_of
from clearsight.bundle.formats import find_format
from clearsight.bundle.loading import load
from clearsight.bundle.parity import Parity, ParityResult, check_parity
from clearsight.bundle.readme import readme_of
from clearsight.bundle.spec import PARITY_FILE, README_FILE, SPEC_FILE, BundleSpec
from clearsight.errors import BundleError, OutputError
from clearsight.io.atomic import write_atomically

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

_ONE_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same bundle is the same .zip, byte for byte


def write_bundle(
    network: TrainedNetwork, spec: BundleSpec, parity: Parity, path: Path
) -> ParityResult:
    """Write a bundle, check it, and put it in its place, where an older one is replaced.

    Args:
        network: what predicts.
        spec: all that is said of it, but for the files.
        parity: what it must reproduce.
        path: the folder, or a .zip.

    Returns:
        How well it reproduces.

    Raises:
        BundleError: when the network cannot be written in the format, does not reproduce, or when
            something else lies at `path`.
        MissingExtraError: when what writes or runs the format is not installed.
        OutputError: when the files cannot be written.
    """
    kind = find_format(spec.format, "A bundle")

    def write_model(folder: Path) -> tuple[str, ...]:
        return kind.write(network, spec, folder)

    return put_together(write_model, spec, parity, path)


def put_together(
    write_model: Callable[[Path], tuple[str, ...]], spec: BundleSpec, parity: Parity, path: Path
) -> ParityResult:
    """Write a bundle around a model's file, which `write_model` writes; see `write_bundle`."""
    check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as beside:
            folder = Path(beside) / "bundle"
            folder.mkdir()
            names = write_model(folder)
            (folder / PARITY_FILE).write_bytes(parity.to_bytes())
            (folder / README_FILE).write_text(readme_of(spec, names), encoding="utf-8")
            names = (*names, PARITY_FILE, README_FILE)
            files = {name: record_of((folder / name).read_bytes()) for name in names}
            complete = dataclasses.replace(spec, files=files)
            (folder / SPEC_FILE).write_text(complete.to_json(), encoding="utf-8")
            try:
                result = check_parity(load(folder))
            except BundleError as error:  # where it lies now, nobody will find it
                raise BundleError(str(error).replace(str(folder), str(path))) from error
            _put(folder, path)
    except OSError as error:
        raise OutputError(
            f"{path} should be written, but cannot be: {error.strerror or error}."
        ) from error
    return result


def check_place(path: Path) -> None:
    """Make sure that a bundle may be put there.

    Raises:
        BundleError: when something else is there.
    """
    if os.path.lexists(path) and not is_bundle(path):
        raise BundleError(
            f"A bundle should be written to {path}, but something else is there: name another "
            "place with --to, or move it away."
        )


def _put(folder: Path, path: Path) -> None:
    """Move a finished folder to its place, or pack it there."""
    if path.suffix.lower() == ".zip":
        with write_atomically(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for file in sorted(folder.iterdir()):
                member = zipfile.ZipInfo(file.name, _ONE_TIME)
                member.external_attr = 0o644 << 16
                archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
        return
    for file in folder.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    older = folder.with_name("older")
    # A folder cannot be replaced in one step: the older one steps aside first, within the same
    # folder that goes away when this ends.
    with suppress(FileNotFoundError):
        path.rename(older)
    try:
        folder.rename(path)
    except OSError:
        if older.exists():
            older.rename(path)
        raise
    shutil.rmtree(older, ignore_errors=True)
