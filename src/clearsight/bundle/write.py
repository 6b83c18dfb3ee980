"""Write a bundle: complete it in a temporary folder, check its parity, then move it to its path."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from clearsight.bundle.bundle import load
from clearsight.bundle.files import BundleFiles, file_record, is_bundle
from clearsight.bundle.formats.table import find_format
from clearsight.bundle.parity import Parity, ParityResult, check_parity
from clearsight.bundle.readme import render_readme
from clearsight.bundle.spec import PARITY_FILE, README_FILE, SPEC_FILE, BundleSpec
from clearsight.errors import BundleError, list_some
from clearsight.io.atomic import write_atomically
from clearsight.io.whole_folder import replace_folder, temporary_folder

if TYPE_CHECKING:
    from clearsight.bundle.network import TrainedNetwork

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # constant, so that equal bundles are equal .zip files


def write_bundle(
    network: TrainedNetwork, spec: BundleSpec, parity: Parity, path: Path
) -> ParityResult:
    """Write a bundle, replacing an older one at the same path only once it has passed its check.

    Args:
        network: what predicts.
        spec: the content of ``bundle.json``, without the files.
        parity: what the bundle must reproduce.
        path: the folder or .zip.

    Returns:
        The result of the parity check.

    Raises:
        BundleError: if the format does not support the network, the parity check fails, or there
            is something else at `path`.
        MissingExtraError: if the format's libraries are not installed.
        OutputError: if the files cannot be written.
    """
    model_format = find_format(spec.format, "a bundle")
    return assemble_bundle(
        lambda folder: model_format.write(network, spec, folder), spec, parity, path
    )


def assemble_bundle(
    write_model: Callable[[Path], tuple[str, ...]], spec: BundleSpec, parity: Parity, path: Path
) -> ParityResult:
    """Write a bundle whose model files `write_model` writes into a folder; see `write_bundle`."""
    check_bundle_path(path)
    with temporary_folder(path) as folder:
        model_files = write_model(folder)
        (folder / PARITY_FILE).write_bytes(parity.to_bytes())
        (folder / README_FILE).write_text(render_readme(spec, model_files), encoding="utf-8")
        names = (*model_files, PARITY_FILE, README_FILE)
        files = {name: file_record((folder / name).read_bytes()) for name in names}
        complete = dataclasses.replace(spec, files=files)
        (folder / SPEC_FILE).write_text(complete.to_json(), encoding="utf-8")
        try:
            result = check_parity(load(folder))
        except BundleError as error:  # the temporary path would mean nothing to the user
            raise BundleError(str(error).replace(str(folder), str(path))) from error
        if path.suffix.lower() == ".zip":
            _pack(folder, path)
        else:
            check_bundle_path(path)  # again, because much time has passed
            replace_folder(folder, path)
    return result


def check_bundle_path(path: Path) -> None:
    """Check that a bundle may be written to a path, replacing only what is a bundle and no more.

    Raises:
        BundleError: if there is something other than a bundle, or there are other files in it.
    """
    if not os.path.lexists(path):
        return
    is_folder = path.is_dir()
    if not is_bundle(path) or (not is_folder and _listed_names(path) is None):
        raise BundleError(
            f"{path} should be free or an older bundle, but is something else: move it away, or "
            "choose another path with --out."
        )
    others = _other_names(path) if is_folder else []
    if others:
        raise BundleError(
            f"{path} should be free or an older bundle, which is replaced, but also holds "
            f"{list_some(others)}: move that away, or choose another path with --out."
        )


def _other_names(folder: Path) -> list[str]:
    """Return the names in a bundle's folder that are not the bundle's."""
    listed = _listed_names(folder)
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.name not in (SPEC_FILE, PARITY_FILE, README_FILE)
        and (entry.name not in listed if listed is not None else entry.stem != "model")
    )


def _listed_names(path: Path) -> set[str] | None:
    """Return the names that a bundle lists as its files; None if it is damaged."""
    with suppress(BundleError):
        return set(BundleFiles.open(path).spec.files)
    return None


def _pack(folder: Path, path: Path) -> None:
    with write_atomically(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(folder.iterdir()):
            member = zipfile.ZipInfo(file.name, _ZIP_DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
