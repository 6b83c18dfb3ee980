"""Class folders inside a ZIP or tar archive, read without unpacking it to disk."""

import zipfile
from pathlib import Path

from clearsight.data.formats.class_folders import list_class_folders
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.tar_archive import TAR_SUFFIXES, open_tar
from clearsight.data.formats.zip_archive import open_zip
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions


def matches(path: Path) -> bool:
    """Return whether `path` has a ZIP or tar archive's name, or a ZIP archive's content."""
    if not path.is_file():
        return False
    return path.name.lower().endswith((".zip", *TAR_SUFFIXES)) or zipfile.is_zipfile(path)


def open_archive(path: Path, options: SourceOptions) -> Listing:
    """List the images in the class folders inside an archive.

    Skipped and counted are hidden files, files that are not images, links and devices, paths that
    lead out of the archive, and files replaced by a later one of the same name.

    Raises:
        DataError: when the archive cannot be read, or has no two class folders with images.
    """
    signature = file_signature(path)
    is_tar = path.name.lower().endswith(TAR_SUFFIXES)
    contents, reader = open_tar(path) if is_tar else open_zip(path)
    return list_class_folders(contents, reader, signature, options)
