"""Everything in a folder that may come from anyone, however deep its folders are."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def entries_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield all files, folders and links below a folder, without following links.

    Unlike `os.walk` before Python 3.12 and `Path.rglob`, it does not call itself for each level, of
    which a folder from somebody else may have thousands. What cannot be read is left out.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "a" / "b").mkdir(parents=True)
        >>> [entry.name for entry in entries_below(folder)]
        ['a', 'b']
    """
    left = [os.fspath(folder)]
    while left:
        with suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                yield entry
