"""Where what was worked out once is kept for the next time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically


def cache_folder(kind: str) -> Path:
    """Return the folder for things of one kind: in ``$CLEARSIGHT_CACHE`` or the user's cache."""
    named = os.environ.get("CLEARSIGHT_CACHE")
    return (Path(named) if named else platformdirs.user_cache_path("clearsight")) / kind


def save_to_cache(contents: dict[str, bytes], folder: Path, what: str) -> None:
    """Keep files that were fetched; a folder that cannot be written is told and does no harm.

    Args:
        contents: of each file, by its name.
        folder: where they go.
        what: they are, for that sentence.
    """
    try:
        for name, content in contents.items():
            with write_atomically(folder / name) as temporary:
                temporary.write_bytes(content)
    except OutputError as error:
        print(f"{what} will be fetched again next time. {error}", file=sys.stderr)
