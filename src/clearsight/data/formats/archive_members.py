"""The members of an archive, collected from their names alone."""

from typing import Generic, Literal

from clearsight.data.formats.class_folders import HIDDEN, NOT_AN_IMAGE, FolderContents, Position
from clearsight.data.image_suffixes import is_hidden, is_image
from clearsight.errors import DataError

MAX_MEMBERS = 1_000_000  # Python needs half a kilobyte and more for each

MemberType = Literal["file", "folder", "other"]


class MemberCollector(Generic[Position]):
    """Collects the images and folders of an archive, member by member.

    Attributes:
        contents: what was collected; of several images of the same name only the last.
    """

    def __init__(self, archive: str) -> None:
        self.contents: FolderContents[Position] = FolderContents(archive)
        self._num_members = 0
        self._hidden: set[str] = set()

    def add(self, name: str, member_type: MemberType, position: Position) -> None:
        """Add a member: its path in the archive, and what the archive's reader needs to find it.

        Raises:
            DataError: when there are too many.
        """
        self._num_members += 1
        if self._num_members > MAX_MEMBERS:
            raise too_many_members(self.contents.source)
        skipped = self.contents.skipped
        names = inner_path(name)
        if names is None:
            skipped["path that leads out of the archive"] += 1
            return
        hidden_depth = next((depth for depth, part in enumerate(names) if is_hidden(part)), None)
        if hidden_depth is not None:
            # A hidden folder counts once, whatever is in it, as it does on disk.
            hidden = "/".join(names[: hidden_depth + 1])
            skipped[HIDDEN] += hidden not in self._hidden
            self._hidden.add(hidden)
        elif member_type == "folder":
            self._add_folders(names)
        elif member_type == "other":
            skipped["link or device in the archive"] += 1
        elif names:
            self._add_folders(names[:-1])
            self._add_file("/".join(names), position)

    def _add_folders(self, names: list[str]) -> None:
        path = "/".join(names)
        while path and path not in self.contents.folders:
            self.contents.folders.add(path)
            path = path.rpartition("/")[0]

    def _add_file(self, path: str, position: Position) -> None:
        if not is_image(path):
            self.contents.skipped[NOT_AN_IMAGE] += 1
            return
        if path in self.contents.images:
            self.contents.skipped["file replaced by a later one of the same name"] += 1
        self.contents.images[path] = position


def inner_path(name: str) -> list[str] | None:
    """Split a member's path into names; None if it is absolute or leads out with ".."."""
    name = name.replace("\\", "/")  # as some programs for Windows write
    if name.startswith("/") or name[1:2] == ":":
        return None
    names = [part for part in name.split("/") if part not in ("", ".")]
    return None if ".." in names else names


def too_many_members(archive: str) -> DataError:
    """Return the error for an archive with too many members to list."""
    return DataError(
        f"{archive} should have at most {MAX_MEMBERS:,} members, but has more: unpack it and give "
        "the folder."
    )
