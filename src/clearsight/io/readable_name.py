"""Names of files that are not valid text, made printable."""


def readable_name(name: str) -> str:
    r"""Return a file's name as text that can be printed and saved as UTF-8.

    Python keeps bytes that are not UTF-8 as surrogates; they become escapes such as ``\xe9``, so
    that different names stay different.

    Example:
        >>> print(readable_name("\udce9t\udce9/1.png"))
        \xe9t\xe9/1.png
    """
    return (
        name
        if name.isascii()
        else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    )
