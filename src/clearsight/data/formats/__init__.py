"""The one table of formats: what a path can hold, told by its look.

To add one: a file beside this one and a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.formats import folder
from clearsight.data.imageset import Splits
from clearsight.data.listing import Listing
from clearsight.data.options import SourceOptions
from clearsight.errors import DataError


@dataclass(frozen=True)
class Format:
    """A form in which pictures lie on disk.

    Attributes:
        name: what it is called.
        summary: what it looks like, in one line.
        matches: tells by name and first bytes whether a path that exists has this form.
        open: reads it; a `Listing` where pictures are still to be decoded, `Splits` where they are
            arrays already.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    open: Callable[[Path, SourceOptions], Listing | Splits]


# A path is opened by the first row that matches.
FORMATS: tuple[Format, ...] = (
    Format(
        "folder",
        "a folder with a folder of pictures for each class, in train/, val/ and test/ or not",
        folder.matches,
        folder.open_folder,
    ),
)


def format_of(path: Path) -> Format:
    """Return the format of a path that exists.

    Raises:
        DataError: when it has none of them.
    """
    for row in FORMATS:
        if row.matches(path):
            return row
    raise DataError(
        f"{path} should be {', '.join(row.summary for row in FORMATS[:-1])}, or "
        f"{FORMATS[-1].summary}, but looks like none of these."
    )
