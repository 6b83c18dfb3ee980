"""Paths in a table's cells, found as files in the table's folder and nowhere else."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from clearsight.data.image_suffixes import is_hidden, is_image
from clearsight.errors import DataError

_MOST_WALKED = 5_000_000  # files that are looked through for names without a suffix


class ImagePaths:
    """Finds the files that cells name.

    Paths are relative to the table's folder, or absolute and inside it. What lies elsewhere is
    refused: a table that somebody sends should not put other people's images into a model's
    report. Names without folder or suffix mean the one image below the folder that has them.

    Attributes:
        folder: the table's folder, every link resolved.
    """

    def __init__(self, folder: Path, table: str) -> None:
        self.folder = str(folder.resolve())
        self._table = table
        self._is_inside: dict[str, bool] = {}
        self._keys_of_name: dict[str, list[str]] | None = None
        self._state_of: dict[str, str] = {}

    def keys(self, cells: Sequence[str], row_name: Callable[[int], str]) -> list[str]:
        """Return for each cell its file's path below the folder, "/" between names.

        A file that is not there keeps the path in the cell, and is told when it is read.

        Args:
            cells: what stands in the column of paths.
            row_name: what to call row i in messages.

        Raises:
            DataError: when a path leads out of the folder, names no plain file, fits several
                images, or none of the files is there.
        """
        keys = []
        for row, cell in enumerate(cells):
            keys.append(self._key(cell.strip(), row_name(row)))
        if keys and all(self._state_of[key] == "absent" for key in keys):
            raise DataError(
                f"{self._table} should name images by their paths from {self.folder}, but none "
                f"of its {len(keys):,} is there, not even '{cells[0]}': put the table into the "
                "folder that its paths begin at."
            )
        return keys

    def signature(self, keys: Sequence[str]) -> str:
        """Return text that changes whenever one of these files does."""
        lines = "\n".join(f"{key}\0{self._state_of[key]}" for key in keys)
        return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()

    def _key(self, cell: str, where: str) -> str:
        expected = f"{self._table} should name an image in {where}, but"
        if not cell or "\0" in cell:
            raise DataError(f"{expected} its path is {'no text' if cell else 'empty'}.")
        if "://" in cell:
            raise DataError(
                f"{expected} names the address {cell}: clearsight downloads no images, put them "
                "beside the table."
            )
        key = self._inside(cell)
        if key is None:
            raise DataError(
                f"{expected} '{cell}' leads out of {self.folder}: put the table into a folder that "
                "holds all its images."
            )
        if self._look(key, expected):
            return key
        windows = cell.replace("\\", "/")
        found = self._inside(windows) if windows != cell else None
        if found is not None and self._look(found, expected):
            return found
        named = self._by_name(cell, expected)
        if named is not None and self._look(named, expected):
            return named
        return key

    def _inside(self, cell: str) -> str | None:
        path = os.path.normpath(os.path.join(self.folder, cell))  # noqa: PTH118 - many of them
        prefix = f"{self.folder}{os.sep}"
        if not path.startswith(prefix) and os.path.isabs(cell):  # noqa: PTH117
            # An absolute path may reach the folder through a link above it.
            parent, name = os.path.split(path)
            path = os.path.join(os.path.realpath(parent), name)  # noqa: PTH118
        return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None

    def _look(self, key: str, expected: str) -> bool:
        """Tell whether a file is there, and remember its size and times."""
        known = self._state_of.get(key)
        if known is not None:
            return known != "absent"
        path = os.path.join(self.folder, key)  # noqa: PTH118
        parent = os.path.dirname(path)  # noqa: PTH120
        try:
            if parent not in self._is_inside:
                self._is_inside[parent] = self._stays_inside(parent)
            state = os.lstat(path)
            is_link = stat.S_ISLNK(state.st_mode)
            if not self._is_inside[parent] or (is_link and not self._stays_inside(path)):
                raise DataError(
                    f"{expected} {key} is a link out of {self.folder}: put the image itself there."
                )
            state = os.stat(path) if is_link else state  # noqa: PTH116
        except OSError:
            self._state_of[key] = "absent"
            return False
        if not stat.S_ISREG(state.st_mode):
            raise DataError(f"{expected} {key} is no plain file.")
        self._state_of[key] = f"{state.st_size},{state.st_mtime_ns},{state.st_ctime_ns}"
        return True

    def _stays_inside(self, path: str) -> bool:
        return f"{os.path.realpath(path)}{os.sep}".startswith(f"{self.folder}{os.sep}")

    def _by_name(self, cell: str, expected: str) -> str | None:
        if "/" in cell or "\\" in cell:
            return None
        if self._keys_of_name is None:
            self._keys_of_name = {}
            for key in self._walk():
                name = key.rpartition("/")[2]
                for known_as in {name, name.rpartition(".")[0]}:
                    self._keys_of_name.setdefault(known_as, []).append(key)
        keys = self._keys_of_name.get(cell, [])
        if len(keys) > 1:
            raise DataError(
                f"{expected} '{cell}' could be {keys[0]} or {keys[1]}: write paths into the table."
            )
        return keys[0] if keys else None

    def _walk(self) -> Iterator[str]:
        num_files = 0
        for folder, subfolders, files in os.walk(self.folder):
            subfolders[:] = sorted(name for name in subfolders if not is_hidden(name))
            prefix = "" if folder == self.folder else f"{folder[len(self.folder) + 1 :]}/"
            for name in files:
                num_files += 1
                if num_files > _MOST_WALKED:
                    return
                if is_image(name) and not is_hidden(name):
                    yield prefix.replace(os.sep, "/") + name
