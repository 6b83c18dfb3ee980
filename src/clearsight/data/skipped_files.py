"""`SkippedFiles`: what is skipped in a source, counted by suffix and reason."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from clearsight.data.image_suffixes import HIDDEN, NOT_AN_IMAGE
from clearsight.io.readable_name import readable_name

_NUM_SHOWN = 8  # reasons in a sentence
_NO_IMAGES = (HIDDEN, NOT_AN_IMAGE)


class SkippedFiles:
    """Counts skipped files by suffix and reason, and remembers the first of each.

    Attributes:
        images: what may be an image, or a folder of them: the reason by path.

    Example:
        >>> skipped = SkippedFiles()
        >>> for path in ("notes.txt", "cats/1.mp4", "cats/2.mp4"):
        ...     skipped.add(path, "not an image")
        >>> skipped.counts
        {'notes.txt (not an image)': 1, '.mp4 (not an image; cats/1.mp4, ...)': 2}
        >>> skipped_sentence(skipped.counts)
        'Skipped: 2 x .mp4 (not an image; cats/1.mp4, ...), 1 x notes.txt (not an image).'
    """

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str], str] = {}

    def add(self, path: str, reason: str) -> None:
        """Count a file or folder, given by its path in the source."""
        name = PurePosixPath(path)
        key = (name.suffix.lower() or name.name, reason)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._first.setdefault(key, path)
        if reason not in _NO_IMAGES:
            self.images[path] = reason

    @property
    def counts(self) -> dict[str, int]:
        """The number of files of each suffix and reason, with an example."""
        return self._describe(self._counts)

    @property
    def other_counts(self) -> dict[str, int]:
        """The same without `images`."""
        return self._describe({key: n for key, n in self._counts.items() if key[1] in _NO_IMAGES})

    def _describe(self, selected: Mapping[tuple[str, str], int]) -> dict[str, int]:
        counts = {}
        for (suffix, reason), count in selected.items():
            first = readable_name(self._first[suffix, reason])
            several = f"{readable_name(suffix)} ({reason}; {first}, ...)"
            counts[f"{first} ({reason})" if count == 1 else several] = count
        return counts


def skipped_sentence(counts: Mapping[str, int]) -> str:
    """Return a sentence about skipped items from their number by reason, most frequent first."""
    reasons = sorted(counts, key=lambda reason: (-counts[reason], reason))
    shown = [f"{counts[reason]:,} x {reason}" for reason in reasons[:_NUM_SHOWN]]
    more = sum(counts[reason] for reason in reasons[_NUM_SHOWN:])
    return f"Skipped: {', '.join(shown)}{f', and {more:,} more' if more else ''}."
