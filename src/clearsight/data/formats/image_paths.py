"""Paths in a table's cells, resolved to files in the table's folder and nowhere else."""

import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from clearsight.data.folder_walk import ABSENT, file_state, is_inside, walk_folder
from clearsight.data.formats.damage import report_damage
from clearsight.data.formats.image_files import (
    FileReader,
    files_signature,
)
from clearsight.data.formats.rows import Rows
from clearsight.data.labels.encode import is_missing
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from clearsight.option_names import option

_NUMBERS = re.compile(r"\d+(?:[ ,]+\d+){3,}")
_MAX_SHOWN = 200  # characters of a cell in a message


def list_image_paths(
    folder: Path, cells: Sequence[str | None], rows: Rows, options: SourceOptions, signature: str
) -> Listing:
    """List images by the paths in a table's cells, relative to a folder.

    `rows` are the table's other columns, and `signature` is that of the table alone.

    Raises:
        DataError: when a path leads out of the folder, is no regular file, could be several
            images, or none of the files exists; and as `Rows.to_listing`.
    """
    finder = _ImageFinder(str(folder.resolve()), rows.table, options.follow_links)
    keys = [
        None
        if cell is None or is_missing(cell)
        else finder.key_of(cell.strip(), rows.row_name(row))
        for row, cell in enumerate(cells)
    ]
    states = [(key, finder.states[key]) for key in keys if key is not None]
    if states and all(state == ABSENT for _, state in states):
        raise DataError(
            f"{rows.table} should contain paths relative to {finder.folder}, but none of its "
            f"{len(states):,} files exists, not even '{_shorten(states[0][0])}': put the table "
            "into the folder that its paths start from."
        )
    files = files_signature(finder.folder, states)
    return rows.to_listing(keys, FileReader(finder.folder), options, f"{signature}\n{files}")


def _other_forms(cell: str) -> list[str]:
    """Return other ways to write a path: as on Windows, and with accents stored otherwise."""
    forms = {cell.replace("\\", "/")}
    if not cell.isascii():  # macOS stores an accent after its letter, other systems with it
        forms |= {unicodedata.normalize(form, text) for form in ("NFC", "NFD") for text in {*forms}}
    return sorted(forms - {cell})


def _shorten(cell: str) -> str:
    return cell if len(cell) <= _MAX_SHOWN else f"{cell[:_MAX_SHOWN]}..."


class _ImageFinder:
    """Finds the files that cells mean.

    Paths are relative to the table's folder, or absolute and inside it. Others are refused: a
    table from somebody else should not put private images into a model's report. A name without
    folder or suffix means the one image below the folder that has it.

    Attributes:
        folder: the table's folder, every link resolved.
        states: the state of each file found so far.
    """

    def __init__(self, folder: str, table: str, follow_links: bool) -> None:
        self.folder = folder
        self._follow_links = follow_links
        self.states: dict[str, str] = {}
        self._table = table
        self._is_inside: dict[str, bool] = {}
        self._keys_of_name: dict[str, list[str]] | None = None

    def key_of(self, cell: str, row_name: str) -> str:
        """Return a file's path below the folder; of a missing file, the path in the cell."""
        expected = f"{self._table} should contain the path of an image in {row_name}, but"
        if "\0" in cell:
            raise DataError(f"{expected} it is not text.")
        if _NUMBERS.fullmatch(cell):
            raise DataError(
                f"{expected} contains {len(cell.split()):,} numbers: give each pixel a column of "
                "its own (pixel0, pixel1, ...), or save the images as files."
            )
        if "://" in cell:
            raise DataError(
                f"{expected} contains the address {cell}: clearsight downloads no images, put them "
                "next to the table."
            )
        key = self._relative(cell)
        if key is None:
            raise DataError(
                f"{expected} '{cell}' leads out of {self.folder}: put the table into a folder that "
                "contains all its images."
            )
        if self._exists(key, expected):
            return key
        others = [self._relative(text) for text in _other_forms(cell)]
        for candidate in (*others, self._by_name(cell, expected)):
            if candidate is not None and self._exists(candidate, expected):
                return candidate
        return key

    def _relative(self, cell: str) -> str | None:
        path = os.path.normpath(os.path.join(self.folder, cell))  # noqa: PTH118 - many of them
        prefix = f"{self.folder}{os.sep}"
        if not path.startswith(prefix) and os.path.isabs(cell):  # noqa: PTH117
            # An absolute path may lead to the folder through a link above it.
            parent, name = os.path.split(path)
            path = os.path.join(os.path.realpath(parent), name)  # noqa: PTH118
        return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None

    def _exists(self, key: str, expected: str) -> bool:
        """Return whether a file exists, and remember its state."""
        if key in self.states:
            return self.states[key] != ABSENT
        path = os.path.join(self.folder, key)  # noqa: PTH118
        try:
            state = os.stat(path)  # noqa: PTH116
        except OSError:
            self.states[key] = ABSENT
            return False
        if not (self._follow_links or self._is_in_folder(path)):
            raise DataError(
                f"{expected} {key} is a link out of {self.folder}: follow such links with "
                f"{option('follow_links', True)}."
            )
        if not stat.S_ISREG(state.st_mode):
            raise DataError(f"{expected} {key} is not a regular file.")
        self.states[key] = file_state(state)
        return True

    def _is_in_folder(self, path: str) -> bool:
        parent = os.path.dirname(path)  # noqa: PTH120
        if parent not in self._is_inside:
            self._is_inside[parent] = is_inside(parent, self.folder)
        is_link = os.path.islink(path)  # noqa: PTH114
        return is_inside(path, self.folder) if is_link else self._is_inside[parent]

    def _by_name(self, cell: str, expected: str) -> str | None:
        if "/" in cell or "\\" in cell:
            return None
        if self._keys_of_name is None:
            self._keys_of_name = {}
            with report_damage(
                self.folder, "a folder of images", "check its permissions", (OSError,)
            ):
                contents = walk_folder(self.folder, follow_links=self._follow_links)
            for key in contents.images:
                name = key.rpartition("/")[2]
                for alias in {name, name.rpartition(".")[0]}:
                    self._keys_of_name.setdefault(alias, []).append(key)
        keys = self._keys_of_name.get(cell, [])
        if len(keys) > 1:
            raise DataError(
                f"{expected} '{cell}' could be {keys[0]} or {keys[1]}: write paths into the table."
            )
        return keys[0] if keys else None
