"""`Members`: what an archive holds, told by the names of its members alone."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

from clearsight.data.formats.reason import reason_of
from clearsight.data.formats.tree import HIDDEN, NO_IMAGE
from clearsight.data.image_suffixes import is_hidden, is_image
from clearsight.errors import DataError

# Python needs half a kilobyte and more for each member that it knows of.
MOST_MEMBERS = 1_000_000
MOST_IMAGE_BYTES = 200_000_000  # a file that is larger is no image to learn from

OUTSIDE = "path out of the archive"
NO_FILE = "link or device in the archive"
REPLACED = "file that a later one of the same name replaces"

Kind = Literal["file", "folder", "other"]
Place = TypeVar("Place")


@dataclass
class Members(Generic[Place]):
    """The images and folders of an archive, gathered member by member.

    Attributes:
        archive: what messages call the archive.
        places: the images' keys, and where each lies; of several with one name the last.
        folders: the paths of all folders.
        skipped: how many members were passed over, by why.
        notes: sentences that the user should read.
        num_members: how many members there are.
    """

    archive: str
    places: dict[str, Place] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    num_members: int = 0
    _hidden: set[str] = field(default_factory=set)

    def add(self, name: str, kind: Kind, place: Place) -> None:
        """Take up a member.

        Args:
            name: its path in the archive, as it is written there.
            kind: what it is.
            place: where it lies, whatever the archive's reader wants to know.

        Raises:
            DataError: when there are absurdly many.
        """
        self.num_members += 1
        if self.num_members > MOST_MEMBERS:
            raise too_many_members(self.archive)
        names = inner_path(name)
        if names is None:
            self.skipped[OUTSIDE] += 1
            return
        for depth, part in enumerate(names):
            if is_hidden(part):
                self._hide("/".join(names[: depth + 1]))
                return
        if kind == "folder":
            self._add_folders(names)
        elif kind == "other":
            self.skipped[NO_FILE] += 1
        elif names:
            self._add_folders(names[:-1])
            self._add_file("/".join(names), place)

    def _hide(self, path: str) -> None:
        """Count a hidden file or folder once, whatever lies in it, as folders on disk do."""
        if path not in self._hidden:
            self._hidden.add(path)
            self.skipped[HIDDEN] += 1

    def _add_folders(self, names: list[str]) -> None:
        path = "/".join(names)
        while path and path not in self.folders:
            self.folders.add(path)
            path = path.rpartition("/")[0]

    def _add_file(self, path: str, place: Place) -> None:
        if not is_image(path):
            self.skipped[NO_IMAGE] += 1
            return
        if path in self.places:
            self.skipped[REPLACED] += 1
        self.places[path] = place


def inner_path(name: str) -> list[str] | None:
    """Return the folders' and the file's name in a member's path.

    Returns:
        None for a path that is absolute or climbs out with "..".
    """
    name = name.replace("\\", "/")  # as some programs for Windows write
    if name.startswith("/") or name[1:2] == ":":
        return None
    names = [part for part in name.split("/") if part not in ("", ".")]
    return None if ".." in names else names


def too_many_members(archive: str) -> DataError:
    """Say that an archive has more members than can be listed in reasonable memory."""
    return DataError(
        f"{archive} should have at most {MOST_MEMBERS:,} members, but has more: unpack it and give "
        "the folder."
    )


def too_large(key: str, size_bytes: int) -> DataError:
    """Say that an image's file is absurdly large."""
    return DataError(
        f"{key} should be an image of at most {MOST_IMAGE_BYTES:,} bytes, but has "
        f"{size_bytes:,}: make it smaller first."
    )


def damaged_member(key: str, error: object) -> DataError:
    """Say that a member of an archive cannot be read."""
    return DataError(
        f"{key} should be an image, but is damaged in its archive ({reason_of(error)})."
    )


def file_signature(path: Path) -> str:
    """Return text that changes whenever a file does: its path, its size and its times.

    Raises:
        DataError: when the file cannot be looked at.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - the same, and as the folder's walk does it
    except OSError as error:
        raise DataError(
            f"{path} should be a file, but cannot be read: {error.strerror}."
        ) from error
    return f"{path.resolve()}\0{state.st_size},{state.st_mtime_ns},{state.st_ctime_ns}"
