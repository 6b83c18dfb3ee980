"""`ImageFiles`: the image files that a path, a folder or a pattern refers to."""

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from clearsight.data.folder_contents import FolderContents
from clearsight.data.folder_walk import read_start, walk_folder
from clearsight.data.image_suffixes import NOT_AN_IMAGE, is_image
from clearsight.data.labels.alike_names import one_form
from clearsight.data.skipped_files import skipped_sentence
from clearsight.errors import DataError, RequestError
from clearsight.io.readable_name import readable_name

STANDARD_INPUT = "-"
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class ImageFiles:
    """Image files.

    Attributes:
        paths: sorted; a file given by its own path is included even if it does not exist.
        folder: the folder that was given, or None.
        problems: for paths that are not read, the reason in a sentence.
        notes: sentences about files that are no images.
    """

    paths: tuple[str, ...]
    folder: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def true_label(self, path: str, class_names: Sequence[str]) -> str | None:
        """Return the class that a file's folder, below the given folder, is named after.

        Example:
            >>> files = ImageFiles(("photos/cats/1.png",), "photos")
            >>> files.true_label("photos/cats/1.png", ("cats", "dogs"))
            'cats'
        """
        if self.folder is None:
            return None
        parents = PurePath(readable_name(path)).relative_to(readable_name(self.folder)).parts[:-1]
        parents = tuple(map(one_form, parents))
        names = ("/".join(parents[start:]) for start in range(len(parents)))
        return next((name for name in names if name in class_names), None)


def find_image_files(text: str, *, follow_links: bool = False) -> ImageFiles | None:
    """Find the image files that an argument refers to, or return None if it is a data source.

    Args:
        text: a file, a folder (searched recursively), a pattern such as ``photos/**/*.jpg``, or
            "-" for standard input; or the name, path or slice of a data source.
        follow_links: follow links that lead out of the folder too.

    Raises:
        RequestError: if it is a URL.
        DataError: if it is a folder or a pattern without images, or the folder cannot be read.
    """
    if _URL.match(text) and not text.startswith("hf://"):
        raise RequestError(
            f"Images should be files on this machine, but '{text}' is a URL: download it first, "
            "or pipe the image to standard input and give - as its path."
        )
    if text == STANDARD_INPUT:
        return ImageFiles((text,))
    if os.path.isdir(text):
        return _in_folder(text, follow_links)
    if os.path.lexists(text):
        return None if _is_source_file(text) else ImageFiles((text,))
    matches = glob.glob(text, recursive=True) if _WILDCARD.search(text) else []  # noqa: PTH207 - Path has no such patterns
    if matches:
        contents: FolderContents[None] = FolderContents(text)
        for path in matches:
            if os.path.isfile(path) or not Path(path).exists():  # a link that leads nowhere
                contents.add_file(path, None, partial(read_start, path))
            elif not os.path.isdir(path):  # reading a pipe may never end
                contents.skipped.add(path, NOT_AN_IMAGE)
        return _image_files(contents, f"The pattern '{text}' should match images, but matches none")
    return None if _is_source(text) else ImageFiles((text,))


def _in_folder(folder: str, follow_links: bool) -> ImageFiles | None:
    try:
        contents = walk_folder(folder, follow_links=follow_links, with_targets=True)
    except OSError as error:
        raise DataError(
            f"{folder} should be a folder of images, but {error.filename or 'it'} cannot be read: "
            f"{error.strerror or error}."
        ) from error
    if not contents.images and not contents.skipped.images and _is_source_file(folder):
        return None
    return _image_files(contents, f"{folder} should hold images, but holds none", folder)


def _image_files(contents: FolderContents[Any], no_images: str, folder: str = "") -> ImageFiles:
    skipped = contents.skipped
    notes = (skipped_sentence(skipped.other_counts),) if skipped.other_counts else ()
    problems = {
        os.path.join(folder, path): f"{os.path.join(folder, path)} was not read ({reason})."  # noqa: PTH118 - faster, for 100,000 files
        for path, reason in skipped.images.items()
    }
    images = (os.path.join(folder, path) for path in contents.images)  # noqa: PTH118
    paths = tuple(sorted((*images, *problems), key=_files_before_folders))
    if not paths:
        raise DataError(" ".join([f"{no_images}.", *notes]))
    return ImageFiles(paths, folder or None, problems, notes)


def _files_before_folders(path: str) -> list[tuple[bool, str]]:
    *folders, name = PurePath(path).parts
    return [*((True, folder) for folder in folders), (False, name)]


def _is_source_file(text: str) -> bool:
    """Check whether an existing path is an archive, a table or another format, no mere folder."""
    if is_image(text):
        return False
    from clearsight.data.formats import FORMATS

    return any(row.matches(Path(text)) for row in FORMATS if row.name != "folder")


def _is_source(text: str) -> bool:
    from clearsight.data.sources.load import is_source_name
    from clearsight.data.sources.source_slice import is_source_slice

    return is_source_name(text) or is_source_slice(text)
