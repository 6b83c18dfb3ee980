"""Class names that mean the same, or seem to: accents, spaces, case, hyphens, leading zeros."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from clearsight.errors import list_some

_MAX_SHOWN = 5  # names in a sentence
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def one_form(name: str) -> str:
    """Return the one form of a name that can be written in several ways which look the same.

    macOS writes an accent after its letter, other systems write both as one character (NFC); and
    spaces around a name are not seen.

    Example:
        >>> one_form("cafe\\u0301 ") == "caf\\u00e9"
        True
    """
    return (name if name.isascii() else unicodedata.normalize("NFC", name)).strip() or name


def merged_names_note(written: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return a sentence about classes with names of several forms, given by their one form."""
    merged = sorted(name for name, forms in written.items() if len(forms) > 1)
    if not merged:
        return ()
    return (
        f"Names that look the same are one class, although they differ in spaces at their ends or "
        f"in how accents are stored: {list_some(merged, _MAX_SHOWN)}.",
    )


def alike_names_note(class_names: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence about classes whose names are so alike that they may mean the same.

    Example:
        >>> alike_names_note(["pug", "great dane", "Great_Dane"])[0][:40]
        "The classes 'great dane', 'Great_Dane' d"
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in class_names:
        # A and a may be letters, and 1 and 01 are the same number.
        key = name if len(name) == 1 else _BETWEEN_WORDS.sub(" ", name.casefold()).strip()
        alike[key.lstrip("0") or "0" if name.isdecimal() else key].append(name)
    names = [name for group in alike.values() if len(group) > 1 for name in group]
    if not names:
        return ()
    return (
        f"The classes {list_some(names, _MAX_SHOWN)} differ only in upper and lower case, spaces, "
        "hyphens or leading zeros: if they mean the same, give them one name.",
    )
