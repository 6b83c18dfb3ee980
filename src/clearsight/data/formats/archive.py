"""Class folders inside a ZIP or tar archive, read without unpacking it to disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

from clearsight.data.formats.folder_names import with_names
from clearsight.data.formats.members import Members, file_signature
from clearsight.data.formats.reason import reason_of
from clearsight.data.formats.tar_archive import TarReader, is_compressed, list_tar
from clearsight.data.formats.tree import tree_of
from clearsight.data.formats.zip_archive import ZipReader, list_zip
from clearsight.data.listing import Listing, Reader
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def matches(path: Path) -> bool:
    """Tell whether `path` is called like a ZIP or tar archive, or has a ZIP archive's content."""
    if not path.is_file():
        return False
    return path.name.lower().endswith((".zip", *TAR_SUFFIXES)) or zipfile.is_zipfile(path)


def open_archive(path: Path, options: SourceOptions) -> Listing:
    """List the images in the class folders inside an archive.

    Passed over and counted are hidden files, files that are no images, links and devices, paths
    that lead out of the archive, and files that a later one of the same name replaces.

    Raises:
        DataError: when the archive cannot be read, or has no two class folders with images.
    """
    signature = file_signature(path)
    root = str(path.resolve())
    members: Members
    reader: Reader
    try:
        if path.name.lower().endswith(TAR_SUFFIXES):
            members = list_tar(path)
            reader = TarReader(root, members.places, is_compressed(path))
        else:
            members, reader = list_zip(path), ZipReader(root)
    except OSError as error:
        raise DataError(
            f"{path} should be an archive, but cannot be read: {reason_of(error)}."
        ) from error
    found = tree_of(members.places, members.folders, members.skipped, str(path))
    tree = with_names(found, options.class_names)
    return Listing(
        reader=reader,
        keys=tree.keys,
        labels=tree.labels,
        class_names=tree.class_names,
        parts=tree.parts,
        signature=signature,
        provenance=str(path),
        skipped=tree.skipped,
        empty_classes=tree.empty_classes,
        notes=(*members.notes, *tree.notes),
    )
