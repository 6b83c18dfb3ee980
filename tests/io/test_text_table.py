"""A table fits any width, and keeps every cell."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from clearsight.io.displayed_text import displayed
from clearsight.io.text_table import TextTable, wrapped

CELLS = st.text(st.sampled_from("ab c猫1é-\x1b"), max_size=30)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4)


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(ROWS, st.integers(20, 60), st.booleans())
def test_every_cell_is_shown_within_the_width(
    rows: list[tuple[str, str, str]], width: int, last_is_text: bool
) -> None:
    details = [["a line of details that is rather long"]] * len(rows)
    table = TextTable(rows, ("name", "", "size"), 1, details, rows[0], last_is_text)
    lines = table.lines(width)
    assert max(map(cell_len, lines)) <= width
    text = without_space("".join(lines))
    if not last_is_text:  # whose lines are side by side with those of other cells
        assert all(without_space(displayed(cell)) in text for row in rows for cell in row)
    whole = without_space("".join(table.lines(None)))
    assert all(without_space(displayed(cell)) in whole for row in rows for cell in row)


@given(CELLS, st.integers(10, 30))
def test_a_sentence_is_wrapped_whole(text: str, width: int) -> None:
    text = displayed(text)
    lines = wrapped(text, width, "  ", "    ")
    assert all(cell_len(line) <= width or line.isspace() for line in lines)
    assert without_space("".join(lines)) == without_space(text)
    assert len(wrapped(text, None)) == 1
