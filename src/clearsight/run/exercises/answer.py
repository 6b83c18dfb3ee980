"""Reading predictions: shapes and counts as people write them."""

from __future__ import annotations

import re

Answer = tuple[int, ...]  # a shape without the batch axis, or one count

_BETWEEN = r"(?:\s*[x×X*,]\s*|\s+)"
_NUMBER = r"[0-9]{1,12}"
_SHAPE = re.compile(
    rf"[(\[]?\s*(?:None{_BETWEEN})?({_NUMBER}(?:{_BETWEEN}{_NUMBER})*)\s*,?\s*[)\]]?"
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:[,_ ][0-9]{3})+")
_BETWEEN_ANSWERS = re.compile(r",(?![^(\[]*[)\]])")  # commas outside brackets


def read_shape(text: str) -> Answer:
    """Read a shape: "28x28x32", "(28, 28, 32)", "(None, 3136)", "128".

    Raises:
        ValueError: with a sentence, when it is none.

    Example:
        >>> read_shape("(28, 28, 32)")
        (28, 28, 32)
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"A shape should look like 28x28x32 or (28, 28, 32), one number for a row of values, "
            f"but is '{text.strip()}'."
        )
    return tuple(int(number) for number in re.findall(_NUMBER, found.group(1)))


def read_count(text: str) -> Answer:
    """Read a number of parameters: "320", "401,408".

    Raises:
        ValueError: with a sentence, when it is none.

    Example:
        >>> read_count("401,408")
        (401408,)
    """
    plain = text.strip()
    if _THOUSANDS.fullmatch(plain):
        plain = re.sub("[,_ ]", "", plain)
    if not re.fullmatch(_NUMBER, plain):
        raise ValueError(
            f"A number of parameters should be a whole number such as 320, but is '{text.strip()}'."
        )
    return (int(plain),)


def divided(text: str) -> list[str]:
    """Divide a text into answers: one a line, or between semicolons, or between commas.

    Example:
        >>> divided("28x28x32, (14, 14, 32), 128")
        ['28x28x32', '(14, 14, 32)', '128']
    """
    plain = text.strip().rstrip(",;").strip()
    if "\n" in plain:
        return [line.strip().rstrip(",;").strip() for line in plain.splitlines() if line.strip()]
    if ";" in plain:
        return [part.strip() for part in plain.split(";")]
    return [part.strip() for part in _BETWEEN_ANSWERS.split(plain)] if plain else []
