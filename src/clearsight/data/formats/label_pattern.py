"""Labels in the names of image files, such as cat.0.jpg."""

import re
from collections import Counter
from collections.abc import Sequence

_SUGGESTED = (
    r"^(?P<label>[a-z]+)\.",  # cat.0.jpg
    r"^(?P<label>\D+)[_ -]\d+\.",  # great_dane_12.jpg
    r"^(?P<label>\D+?)[._ -]*\(?\d+\)?\.",  # cat12.jpg, cat (3).jpg
    r"^\d+[._ -]*(?P<label>\D+)\.",  # 12_cat.jpg
    r"^(?P<label>[A-Za-z]+)_",  # cat_2023-05-01_b.jpg
)


def find_label(path: str, pattern: re.Pattern[str]) -> str | None:
    """Return the label that a pattern finds in an image's file name, or None if it finds none."""
    found = pattern.search(path.rpartition("/")[2])
    return (found["label"] or None) if found else None


def suggest_pattern(paths: Sequence[str]) -> str | None:
    r"""Return a pattern that finds at least two labels, each several times, or None.

    Example:
        >>> print(suggest_pattern(["cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg"]))
        ^(?P<label>[a-z]+)\.
    """
    for text in _SUGGESTED:
        labels = Counter(find_label(path, re.compile(text)) for path in paths)
        if len(labels) > 1 and None not in labels and min(labels.values()) > 1:
            return text
    return None
