r"""Text from elsewhere, such as the names of files and classes, as it is displayed.

Control characters are instructions to a terminal: they can move the cursor over what was printed
before, set the window's title, or answer in the user's place. Others reverse the direction of the
text around them, or cannot be seen. All of these are displayed as escapes such as ``\x1b``.
"""

import re

# The control characters C0, DEL and C1; the zero-width space; separators of lines and paragraphs;
# embeddings, overrides and isolates of the writing direction; other characters without a shape;
# parts of file names that are not UTF-8, which Python keeps as surrogates; and noncharacters.
# Joiners, and the marks of direction in Arabic and Hebrew names, stay: writing needs them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_UNSAFE_BUT_NEWLINES = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def displayed(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return text without any character that a terminal would obey or hide.

    Args:
        text: to be displayed.
        keep_newlines: whether it consists of lines; otherwise a newline is escaped too, so that a
            name cannot look like a line of its own.

    Example:
        >>> print(displayed("cat\x1b[31m\n\u202egpj.exe"))
        cat\x1b[31m\n\u202egpj.exe
    """
    if text.isprintable():  # which is also false for some harmless characters
        return text
    return (_UNSAFE_BUT_NEWLINES if keep_newlines else _UNSAFE).sub(_escape, text)


def displayed_start(text: str, max_characters: int = 300) -> str:
    r"""Return the start of a text of any length as `displayed` does; "…" says that there is more.

    Example:
        >>> print(displayed_start("\x1b" + "a" * 1000, 3))
        \x1baa…
    """
    return displayed(text if len(text) <= max_characters else f"{text[:max_characters]}…")


def displayed_json(text: str) -> str:
    r"""Return JSON that means the same and has none of those characters but newlines.

    Example:
        >>> print(displayed_json('["\x9b31m"]'))
        ["\u009b31m"]
    """
    # They occur in strings alone, where JSON has an escape for each.
    return _UNSAFE_BUT_NEWLINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: "re.Match[str]") -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")
