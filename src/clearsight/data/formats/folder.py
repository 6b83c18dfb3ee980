"""A folder of class folders, flat or divided into training, validation and test images."""

from dataclasses import replace
from pathlib import Path

from clearsight.data.folder_walk import walk_folder
from clearsight.data.formats.class_folders import list_class_folders
from clearsight.data.formats.damage import report_damage
from clearsight.data.formats.image_files import FileReader, files_signature
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions


def matches(path: Path) -> bool:
    """Return whether `path` is a folder."""
    return path.is_dir()


def open_folder(path: Path, options: SourceOptions) -> Listing:
    """List the images in the class folders of `path`.

    Raises:
        DataError: when there are no two class folders with images, or the folder cannot be read.
    """
    root = str(path.resolve())
    with report_damage(path, "a folder of images", "check its permissions", (OSError,)):
        contents = walk_folder(root, follow_links=options.follow_links)
    listing = list_class_folders(contents, FileReader(root), "", options)
    states = ((key, contents.images[key]) for key in listing.keys)
    return replace(listing, signature=files_signature(root, states))
