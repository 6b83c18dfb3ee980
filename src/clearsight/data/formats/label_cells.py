"""Labels in the cells of a table: which are missing, and which name several classes."""

import ast
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from clearsight.data.labels.encode import is_missing

# Between several labels in one cell. A label is several if one of its pieces is a label too, or a
# piece of another ("any"); if all are ("all"); or if all are labels by themselves ("alone"): class
# names may hold commas, slashes and spaces.
_SEPARATORS = {"|": "any", ";": "any", ",": "all", "/": "alone", " ": "alone"}


def single_labels(
    cells: Sequence[Any], class_names: Collection[str] = ()
) -> tuple[list[Any], dict[int, list[str]]]:
    """Read labels of which every row should have one.

    Args:
        cells: N labels as they are in a table; lists of labels, or of 0 and 1 (one-hot), too.
        class_names: names that are classes whatever they look like.

    Returns:
        N labels, None where one is missing or there are several; and for each row with several
        labels what they are.
    """
    values = [_parse_list(cell) for cell in cells]
    if _are_vectors(values):
        values = [[index for index, mark in enumerate(vector) if mark] for vector in values]
    values = [_unwrap(value) if isinstance(value, list) else value for value in values]
    texts = {value.strip() for value in values if isinstance(value, str) and not is_missing(value)}
    several_in = _several_in(texts - {*class_names})
    labels: list[Any] = []
    several: dict[int, list[str]] = {}
    for row, value in enumerate(values):
        found = several_in.get(value.strip()) if isinstance(value, str) else None
        found = value if isinstance(value, list) else found
        if found:
            several[row] = [str(each) for each in found]
        is_absent = is_missing(value) and value not in class_names
        labels.append(None if found or is_absent else value)
    return labels, several


def _parse_list(cell: Any) -> Any:
    """Return the list that text such as "['cat', 'dog']" means, and anything else unchanged."""
    if not (isinstance(cell, str) and cell.strip().startswith("[") and cell.strip().endswith("]")):
        return cell
    try:
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return cell


def _are_vectors(values: Sequence[Any]) -> bool:
    """Return whether all values are lists of 0 and 1, of one length."""
    lengths = {len(value) if isinstance(value, list) else 0 for value in values}
    return (
        len(lengths) == 1
        and lengths.pop() > 1
        and all(mark in (0, 1) for value in values for mark in value)
    )


def _unwrap(values: list[Any]) -> Any:
    """Return the only label of a list, all of them if there are several, None if it is empty."""
    labels: list[Any] = []
    for value in values:
        if not (is_missing(value) or value in labels):
            labels.append(value)
    return labels if len(labels) > 1 else next(iter(labels), None)


def _several_in(labels: Collection[str]) -> dict[str, list[str]]:
    """Return the labels that name several classes, with those."""
    several: dict[str, list[str]] = {}
    for separator, rule in _SEPARATORS.items():
        pieces = {label: pieces for label in labels if len(pieces := _split(label, separator)) > 1}
        # A piece is known if it is a label, or a piece of another one.
        counts = Counter(piece for found in pieces.values() for piece in {*found})
        is_known = {
            piece: piece in labels or (count > 1 and rule != "alone")
            for piece, count in counts.items()
        }
        matches = any if rule == "any" else all
        for label, found in pieces.items():
            if matches(is_known[piece] for piece in found):
                several.setdefault(label, found)
    return several


def _split(label: str, separator: str) -> list[str]:
    return [piece.strip() for piece in re.split(re.escape(separator), label) if piece.strip()]
