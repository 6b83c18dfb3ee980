"""The members of an archive, collected from their names."""

import bisect
import posixpath
import re
from collections.abc import Callable
from typing import Generic

from clearsight.data.folder_contents import FolderContents, Position
from clearsight.data.image_suffixes import HIDDEN, is_hidden, is_image
from clearsight.errors import DataError
from clearsight.io.readable_name import readable_name

MAX_MEMBERS = 1_000_000  # Python needs half a kilobyte and more for each
_MAX_LINKS = 40  # that lead to each other, as on Linux
_ROOT = re.compile(r"(?:[A-Za-z]:)?/+")


class MemberCollector(Generic[Position]):
    """Collects the images and folders of an archive, member by member.

    Each method takes a member's path as it is in the archive; a member of the same path replaces an
    earlier one.
    """

    def __init__(self, archive: str) -> None:
        self._contents: FolderContents[Position] = FolderContents(readable_name(archive))
        self._num_members = 0
        self._num_absolute = 0
        self._hidden_files: dict[str, Position] = {}
        self._hidden: set[str] = set()  # once each, whatever is in a folder, as on disk
        self._links: dict[str, tuple[str, bool]] = {}

    def add_file(self, name: str, position: Position, read_start: Callable[[], bytes]) -> None:
        """Add a file; `position` is what the reader needs, `read_start` as in `why_no_image`."""
        path = self._path_of(name)
        if not path:
            return
        if self._is_hidden(path):
            self._hidden_files[path] = position
            return
        is_known = path in self._contents.images
        self._contents.add_folder(posixpath.dirname(path))
        if self._contents.add_file(path, position, read_start) and is_known:
            self._contents.skipped.add(path, "replaced by a later file of the same name")

    def add_folder(self, name: str) -> None:
        """Add a folder."""
        path = self._path_of(name)
        if path and not self._is_hidden(path):
            self._contents.add_folder(path)

    def add_link(self, name: str, target: str, *, is_hard: bool = False) -> None:
        """Add a link; `target` is relative to its folder, or to the archive for a hard link."""
        path = self._path_of(name)
        if path and not self._is_hidden(path):
            base = "" if is_hard else posixpath.dirname(path)
            self._links[path] = posixpath.normpath(posixpath.join(base, target)), is_hard

    def add_device(self, name: str) -> None:
        """Add anything else, which is skipped."""
        self._contents.skipped.add(readable_name(name), "device in the archive")

    def finish(self) -> FolderContents[Position]:
        """Return the contents, with links replaced by the images that they lead to.

        Raises:
            DataError: when there are too many.
        """
        contents, stored = self._contents, sorted(self._contents.images)
        moved: set[str] = set()
        linked_folders: set[str] = set()
        # Links to folders first: others may lead through them.
        for path, (_, is_hard) in sorted(self._links.items(), key=self._is_link_to_file):
            target = self._follow(path)
            if target in contents.images:
                contents.images[path] = contents.images[target]
                moved |= set() if is_hard else {target}
            elif target in self._hidden_files and is_image(path):
                contents.images[path] = self._hidden_files[target]
            elif target not in contents.folders:
                contents.skipped.add(path, "link out of the archive or to no image")
            elif f"{path}/".startswith(f"{target}/") or target in linked_folders:
                contents.skipped.add(path, "link to a folder that is listed already")
            else:
                linked_folders.add(target)
                contents.add_folder(path)
                begin, end = (bisect.bisect(stored, target + char) for char in "/0")  # "0" is next
                for image in stored[begin:end]:
                    contents.images[path + image[len(target) :]] = contents.images[image]
                moved.update(stored[begin:end])
            if len(contents.images) > MAX_MEMBERS:
                raise too_many_members(contents.source)
            contents.add_folder(posixpath.dirname(path))
        contents.leave_to_links(sorted(moved))
        if self._num_absolute:
            contents.notes.append(
                f"{self._num_absolute:,} names in {contents.source} are absolute; they are read as "
                "relative to the archive."
            )
        return contents

    def _is_link_to_file(self, link: tuple[str, tuple[str, bool]]) -> tuple[bool, str]:
        return self._follow(link[0]) not in self._contents.folders, link[0]

    def _follow(self, path: str) -> str:
        for _ in range(_MAX_LINKS):
            if path not in self._links:
                break
            path, _ = self._links[path]
        return path

    def _path_of(self, name: str) -> str | None:
        """Return a member's path below the archive's root, or None if it leads out with "..".

        Raises:
            DataError: when there are too many members.
        """
        self._num_members += 1
        if self._num_members > MAX_MEMBERS:
            raise too_many_members(self._contents.source)
        path = readable_name(name.replace("\\", "/"))  # as some programs for Windows write
        relative = _ROOT.sub("", path, count=1) if _ROOT.match(path) else path
        names = [part for part in relative.split("/") if part not in ("", ".")]
        if ".." in names:
            self._contents.skipped.add(path, "path that leads out of the archive")
            return None
        self._num_absolute += relative != path
        return "/".join(names)

    def _is_hidden(self, path: str) -> bool:
        names = path.split("/")
        depth = next((depth for depth, name in enumerate(names, 1) if is_hidden(name)), None)
        if depth is None:
            return False
        hidden = "/".join(names[:depth])
        if hidden not in self._hidden:
            self._contents.skipped.add(hidden, HIDDEN)
        self._hidden.add(hidden)
        return True


def too_many_members(archive: str, most: int = MAX_MEMBERS) -> DataError:
    """Return the error for an archive with too many members to list."""
    return DataError(
        f"{archive} should have at most {most:,} members, but has more: unpack it and give the "
        "folder."
    )
