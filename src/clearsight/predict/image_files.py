"""`ImageFiles`: the image files that a path, a folder or a pattern stands for."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from clearsight.data.image_suffixes import is_hidden, is_image
from clearsight.errors import RequestError

STANDARD_INPUT = "-"
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class ImageFiles:
    """Image files.

    Attributes:
        paths: sorted; a file given by its own path is included even if it does not exist.
        folder: the folder that was given, or None.
    """

    paths: tuple[str, ...]
    folder: str | None = None

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
        parents = PurePath(path).relative_to(self.folder).parts[:-1]
        names = ("/".join(parents[start:]) for start in range(len(parents)))
        return next((name for name in names if name in class_names), None)


def find_image_files(text: str) -> ImageFiles | None:
    """Find the image files that an argument stands for, or return None if it is a data source.

    Args:
        text: a file, a folder (searched recursively), a pattern such as ``photos/**/*.jpg``, or
            "-" for standard input; or the name, path or slice of a data source.

    Raises:
        RequestError: if it is a URL.
    """
    if _URL.match(text) and not text.startswith("hf://"):
        raise RequestError(
            f"Images should be files on this machine, but '{text}' is a URL: download it first, "
            "or pipe the image to standard input and give - as its path."
        )
    if text == STANDARD_INPUT:
        return ImageFiles((text,))
    if os.path.isdir(text):
        found = tuple(_walk(text))
        return ImageFiles(found, text) if found else None
    if os.path.lexists(text):
        return None if _is_source_file(text) else ImageFiles((text,))
    if _WILDCARD.search(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path has no such patterns
        paths = tuple(path for path in matches if is_image(path) and os.path.isfile(path))
        if paths:
            return ImageFiles(paths)
    return None if _is_source(text) else ImageFiles((text,))


def _walk(folder: str) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            if is_image(name) and not is_hidden(name):
                yield os.path.join(path, name)  # noqa: PTH118 - faster, for 100,000 files


def _is_source_file(text: str) -> bool:
    """Check whether an existing file is an archive, a table or another kind of source."""
    if is_image(text):
        return False
    from clearsight.data.formats import FORMATS

    return any(row.matches(Path(text)) for row in FORMATS)


def _is_source(text: str) -> bool:
    from clearsight.data.sources.load import is_source_name
    from clearsight.data.sources.source_slice import is_source_slice

    return is_source_name(text) or is_source_slice(text)
