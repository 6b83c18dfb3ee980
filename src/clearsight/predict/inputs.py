"""What a user names on the command line to be predicted: files, folders, patterns, or a source."""

from __future__ import annotations

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
_PATTERN_MARKS = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class ImageFiles:
    """Image files that one word stands for.

    Attributes:
        text: the word.
        paths: the files, sorted; a file that was named is there whether it exists or not.
        folder: the folder that was named; None where none was.
        is_single: whether the word names one file.
    """

    text: str
    paths: tuple[str, ...]
    folder: str | None = None
    is_single: bool = False

    def __len__(self) -> int:
        return len(self.paths)

    def truth_of(self, path: str, class_names: Sequence[str]) -> str | None:
        """Return the class that a file's folder is called after, below the folder that was named.

        Example:
            >>> files = ImageFiles("photos", ("photos/cats/1.png",), "photos")
            >>> files.truth_of("photos/cats/1.png", ("cats", "dogs"))
            'cats'
        """
        if self.folder is None:
            return None
        parents = PurePath(path).relative_to(self.folder).parts[:-1]
        names = ("/".join(parents[start:]) for start in range(len(parents)))
        return next((name for name in names if name in class_names), None)


def image_files(text: str) -> ImageFiles | None:
    """Find the image files that a word stands for.

    Args:
        text: a file, a folder (with all folders in it), a pattern such as ``photos/**/*.jpg``, or
            "-" for standard input.

    Returns:
        None when it is the name, the path or a selection of a source of another kind.

    Raises:
        RequestError: when it is a URL.
    """
    if _URL.match(text) and not text.startswith("hf://"):
        raise RequestError(
            f"Images should be files on this machine, but '{text}' is a URL: fetch it first and "
            "name the file, or send the image to standard input and name -."
        )
    if text == STANDARD_INPUT:
        return ImageFiles(text, (text,), is_single=True)
    if os.path.isdir(text):
        found = tuple(_within(text))
        return ImageFiles(text, found, text) if found else None
    if os.path.lexists(text):
        return None if _is_other_source(text) else ImageFiles(text, (text,), is_single=True)
    if _PATTERN_MARKS.search(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path has no such patterns
        paths = tuple(path for path in matches if is_image(path) and os.path.isfile(path))
        if paths:
            return ImageFiles(text, paths)
    return None if _is_named_source(text) else ImageFiles(text, (text,), is_single=True)


def _within(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            if is_image(name) and not is_hidden(name):
                yield os.path.join(place, name)  # noqa: PTH118 - a hundred thousand of them


def _is_other_source(text: str) -> bool:
    """Tell whether a file that is there is an archive, a table or the like."""
    if is_image(text):
        return False
    from clearsight.data.formats import FORMATS

    return any(row.matches(Path(text)) for row in FORMATS)


def _is_named_source(text: str) -> bool:
    from clearsight.data.sources.load import is_source_name
    from clearsight.data.sources.source_slice import is_source_slice

    return is_source_name(text) or is_source_slice(text)
