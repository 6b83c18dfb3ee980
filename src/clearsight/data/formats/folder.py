"""A folder of class folders, flat or with train/, val/ and test/."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.formats.folder_names import with_names
from clearsight.data.formats.tree import HIDDEN, NO_IMAGE, tree_of
from clearsight.data.image_suffixes import is_hidden, is_image
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

_OUTSIDE = "link out of the folder"


@dataclass(frozen=True)
class FileReader:
    """Reads images that are files.

    Attributes:
        root: the folder that keys are relative to.
    """

    root: str

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read each file; see `Reader`."""
        for key in keys:
            try:
                # A file is opened without buffering: it is read in one piece.
                with open(os.path.join(self.root, key), "rb", buffering=0) as file:  # noqa: PTH118, PTH123 - twice as quick
                    content: bytes | DataError = file.readall()
            except OSError as error:
                content = DataError(
                    f"{key} should be an image, but cannot be read: {error.strerror}."
                )
            yield key, content


def matches(path: Path) -> bool:
    """Tell whether `path` is a folder."""
    return path.is_dir()


def open_folder(path: Path, options: SourceOptions) -> Listing:
    """List the images in the class folders of `path`.

    Hidden files, files that are no images, and links that lead out of the folder are passed over
    and counted.

    Raises:
        DataError: when it has no two class folders with images, or cannot be read.
    """
    root = path.resolve()
    walk = _Walk(root)
    try:
        walk.enter(str(root), "")
    except OSError as error:
        raise DataError(
            f"{path} should be a folder of images, but cannot be read: {error.strerror}."
        ) from error
    found = tree_of(walk.files, walk.folders, walk.skipped, str(path))
    tree = with_names(found, options.class_names)
    return Listing(
        reader=FileReader(str(root)),
        keys=tree.keys,
        labels=tree.labels,
        class_names=tree.class_names,
        parts=tree.parts,
        signature=walk.signature(tree.keys),
        provenance=str(path),
        skipped=tree.skipped,
        empty_classes=tree.empty_classes,
        notes=tree.notes,
    )


class _Walk:
    """What lies below a folder; one look at every file, which also gives its size and times."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}{os.sep}"
        self.files: list[str] = []
        self.folders: list[str] = []
        self.skipped: Counter[str] = Counter()
        self._state_of: dict[str, str] = {}

    def enter(self, folder: str, prefix: str) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    self.skipped[HIDDEN] += 1
                elif entry.is_symlink() and not self._is_inside(entry.path):
                    self.skipped[_OUTSIDE] += 1
                elif entry.is_dir():
                    if entry.is_symlink():  # to a folder inside, which is walked anyway
                        self.skipped["link to a folder"] += 1
                        continue
                    self.folders.append(prefix + entry.name)
                    self.enter(entry.path, f"{prefix}{entry.name}/")
                elif is_image(entry.name) and (entry.is_file() or _leads_nowhere(entry)):
                    # A link to nowhere is told when it is read; a pipe would never end.
                    self._add(entry, prefix + entry.name)
                else:
                    self.skipped[NO_IMAGE] += 1

    def _add(self, entry: os.DirEntry[str], key: str) -> None:
        try:
            state = entry.stat()
        except OSError:  # a link to nowhere; it is told when it is read
            self._state_of[key] = "absent"
        else:
            # The time of the last change of any kind, which copying tools do not forge.
            self._state_of[key] = f"{state.st_size},{state.st_mtime_ns},{state.st_ctime_ns}"
        self.files.append(key)

    def _is_inside(self, path: str) -> bool:
        return f"{os.path.realpath(path)}{os.sep}".startswith(self._root)

    def signature(self, keys: Sequence[str]) -> str:
        lines = (f"{key}\0{self._state_of[key]}" for key in keys)
        digest = hashlib.sha256(self._root.encode(errors="surrogateescape"))
        digest.update("\n".join(lines).encode(errors="surrogateescape"))
        return digest.hexdigest()


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    try:
        entry.stat()
    except OSError:
        return True
    return False
