"""A folder of class folders, flat or with train/, val/ and test/."""

import os
import stat
from dataclasses import replace
from pathlib import Path

from clearsight.data.formats.class_folders import (
    HIDDEN,
    NOT_AN_IMAGE,
    FolderContents,
    list_class_folders,
)
from clearsight.data.formats.damage import report_damage
from clearsight.data.formats.image_files import (
    ABSENT,
    FileReader,
    file_state,
    files_signature,
    is_inside,
)
from clearsight.data.image_suffixes import is_hidden, is_image
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions


def matches(path: Path) -> bool:
    """Return whether `path` is a folder."""
    return path.is_dir()


def open_folder(path: Path, options: SourceOptions) -> Listing:
    """List the images in the class folders of `path`.

    Hidden files, files that are not images, and links that lead out of the folder are skipped and
    counted.

    Raises:
        DataError: when there are no two class folders with images, or the folder cannot be read.
    """
    root = str(path.resolve())
    contents: FolderContents[str] = FolderContents(str(path))
    with report_damage(path, "a folder of images", "check its permissions", (OSError,)):
        _walk(root, "", contents, root)
    listing = list_class_folders(contents, FileReader(root), "", options)
    states = ((key, contents.images[key]) for key in listing.keys)
    return replace(listing, signature=files_signature(root, states))


def _walk(folder: str, prefix: str, contents: FolderContents[str], root: str) -> None:
    """Add what is in a folder; each image with its state."""
    with os.scandir(folder) as entries:
        for entry in entries:
            key = prefix + entry.name
            if is_hidden(entry.name):
                contents.skipped[HIDDEN] += 1
            elif entry.is_symlink() and not is_inside(entry.path, root):
                contents.skipped["link that leads out of the folder"] += 1
            elif entry.is_dir():
                if entry.is_symlink():  # to a folder inside, whose images are listed anyway
                    contents.skipped["link to a folder"] += 1
                    continue
                contents.folders.add(key)
                _walk(entry.path, f"{key}/", contents, root)
            elif is_image(entry.name) and (state := _image_state(entry)):
                contents.images[key] = state
            else:
                contents.skipped[NOT_AN_IMAGE] += 1


def _image_state(entry: os.DirEntry[str]) -> str | None:
    """Return a file's state; None for a pipe or a device, from which reading may never end."""
    try:
        state = entry.stat()
    except OSError:  # a link to nowhere
        return ABSENT
    return file_state(state) if stat.S_ISREG(state.st_mode) else None
