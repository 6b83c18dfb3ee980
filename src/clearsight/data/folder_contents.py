"""`FolderContents`: the images, folders and other files in a folder or an archive."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from clearsight.data.image_suffixes import why_no_image
from clearsight.data.skipped_files import SkippedFiles

_TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")

Position = TypeVar("Position")


@dataclass
class FolderContents(Generic[Position]):
    """What a folder or an archive contains.

    Attributes:
        source: what messages call it.
        images: the images' paths, "/" between names, each with what its reader needs to find it.
        folders: the paths of all folders, so that empty classes are noticed.
        tables: the paths of tables, which may hold the labels.
        archives: the paths of archives, which may hold the images.
        skipped: what is not read.
        notes: sentences for the user.
    """

    source: str
    images: dict[str, Position] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    tables: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    skipped: SkippedFiles = field(default_factory=SkippedFiles)
    notes: list[str] = field(default_factory=list)

    def add_file(self, path: str, position: Position, read_start: Callable[[], bytes]) -> bool:
        """Add a file, and return whether it is an image; `read_start` as in `why_no_image`."""
        if reason := why_no_image(path, read_start):
            self.skipped.add(path, reason)
            if path.lower().endswith(_TABLE_SUFFIXES):
                self.tables.append(path)
            if path.lower().endswith(_ARCHIVE_SUFFIXES):
                self.archives.append(path)
            return False
        self.images[path] = position
        return True

    def add_folder(self, path: str) -> None:
        """Add a folder and the folders that it is in."""
        while path and path not in self.folders:
            self.folders.add(path)
            path = path.rpartition("/")[0]

    def leave_to_links(self, targets: Iterable[str]) -> None:
        """Remove images that links lead to, because they are listed where the links are."""
        targets = [path for path in targets if path in self.images]
        for path in targets:
            del self.images[path]
        if targets:
            self.notes.append(
                f"{len(targets):,} images are listed where links lead to them, and not again where "
                f"they are stored (such as {targets[0]})."
            )
            emptied = {str(parent) for path in targets for parent in PurePosixPath(path).parents}
            in_use = {str(parent) for path in self.images for parent in PurePosixPath(path).parents}
            self.folders -= emptied - in_use
