"""Listing the images in a folder and the folders below it, links included."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.folder_contents import FolderContents
from clearsight.data.image_suffixes import HIDDEN, NOT_AN_IMAGE, START_BYTES, is_hidden, is_image
from clearsight.io.readable_name import readable_name
from clearsight.io.regular_file import open_regular
from clearsight.option_names import option

ABSENT = "absent"  # the state of a file that is not there; reading it explains that


def walk_folder(
    root: str, *, follow_links: bool = False, with_targets: bool = False
) -> FolderContents[str]:
    """List the images below a folder, each with its `file_state`, and count what is skipped.

    Links are followed if they lead to a place in the folder, or if `follow_links` is true. A file
    in the folder that a link leads to is listed only where the link is, unless `with_targets`.

    Raises:
        OSError: when a folder cannot be read.
    """
    root = os.path.realpath(root)
    walk = _Walk(root, follow_links)
    folders = [_Folder(root, "", (root,), is_linked=False)]
    while folders:
        folders += walk.add(folders.pop())
    if not with_targets:
        own = (target.removeprefix(f"{root}{os.sep}") for target in sorted(walk.linked))
        walk.contents.leave_to_links(own)
    return walk.contents


@dataclass(frozen=True)
class _Folder:
    """A folder to list.

    Attributes:
        path: its real path.
        prefix: its path below the root, with "/" at the end.
        parents: the real paths of the folders that lead to it, itself included.
        is_linked: whether a link leads to it.
    """

    path: str
    prefix: str
    parents: tuple[str, ...]
    is_linked: bool


class _Walk:
    """A walk through a folder.

    Attributes:
        contents: what was found.
        linked: the real paths of images that links lead to.
    """

    def __init__(self, root: str, follow_links: bool) -> None:
        self.contents: FolderContents[str] = FolderContents(readable_name(root))
        self.linked: set[str] = set()
        self._root = root
        self._follow_links = follow_links
        self._linked_folders: set[str] = set()

    def add(self, folder: _Folder) -> Iterator[_Folder]:
        """Add what is in a folder, and iterate over the folders in it that are to be listed."""
        with os.scandir(folder.path) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
        for entry in entries:
            key, target = folder.prefix + entry.name, entry.path
            if is_hidden(entry.name):
                self.contents.skipped.add(key, HIDDEN)
                continue
            is_link = entry.is_symlink()
            is_folder = entry.is_dir()
            if is_link:
                target = os.path.realpath(target)
                if reason := self._why_not_followed(target, is_folder, folder.parents):
                    self.contents.skipped.add(key, reason)
                    continue
            is_linked = is_link or folder.is_linked
            if is_folder:
                self.contents.folders.add(key)
                yield _Folder(target, f"{key}/", (*folder.parents, target), is_linked)
            elif self._add_file(entry, key) and is_linked:
                self.linked.add(target)

    def _why_not_followed(
        self, target: str, is_folder: bool, parents: tuple[str, ...]
    ) -> str | None:
        if not (self._follow_links or _contains(self._root, target)):
            return f"link out of the folder, followed with {option('follow_links', True)}"
        if not is_folder:
            return None
        if any(_contains(target, parent) for parent in parents):
            return "link to a folder that it is in"
        if target in self._linked_folders:
            return "link to a folder that another link leads to"
        self._linked_folders.add(target)
        return None

    def _add_file(self, entry: os.DirEntry[str], key: str) -> bool:
        """Add a file that is an image, and return whether it is one."""
        try:
            state = entry.stat()
        except OSError:  # a link to nowhere, which is reported when the image is read
            state = None
        if state is None and is_image(entry.name):
            self.contents.images[key] = ABSENT
            return True
        if state is None or not stat.S_ISREG(state.st_mode):  # reading a pipe may never end
            self.contents.skipped.add(key, NOT_AN_IMAGE)
            return False
        return self.contents.add_file(key, file_state(state), lambda: read_start(entry.path))


def file_state(state: os.stat_result) -> str:
    """Return a file's size and times, including that of the last change of any sort.

    Tools that copy files restore the modification time, but cannot set the latter.
    """
    return f"{state.st_size},{state.st_mtime_ns},{state.st_ctime_ns}"


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path leads into a folder (resolved already) once every link is resolved."""
    return _contains(folder, os.path.realpath(path))


def _contains(folder: str, path: str) -> bool:
    return f"{path}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}")


def read_start(path: str) -> bytes:
    """Return the first bytes of a file, none if it cannot be read; see `why_no_image`."""
    try:
        with open_regular(Path(path)) as file:
            return file.read(START_BYTES)
    except OSError:
        return b""
