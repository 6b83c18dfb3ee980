"""CSV files that a spreadsheet may open run no formula, and are read as they were written."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.io.csv_rows import read_rows, write_rows


def written(*cells: object) -> str:
    file = io.StringIO(newline="")
    write_rows(file, [cells])
    return file.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "-",
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://evil.example","cat")', "+", "'=1", "''@x",
    ],
)  # fmt: skip
def test_text_that_would_be_a_formula_is_written_with_an_apostrophe(text: str) -> None:
    line = written(text).lstrip('"')
    assert line.startswith("'")
    assert list(read_rows(io.StringIO(written(text), newline=""))) == [[text]]


@pytest.mark.parametrize(
    "text", ["-1", "+1", "-0.5", "1e-05", "-1.5e-05", "cat", "'tis", "", "a=b"]
)
def test_numbers_and_other_text_are_written_as_they_are(text: str) -> None:
    assert written(text, 1) == f"{text},1\r\n"


def test_numbers_stay_numbers() -> None:
    assert written(-1, -0.25, None) == "-1,-0.25,\r\n"


@given(
    st.lists(st.text(st.one_of(st.sampled_from("'=+-@\t\r\n,\"1"), st.characters())), min_size=1)
)
def test_every_text_is_read_as_it_was(row: list[str]) -> None:
    file = io.StringIO(newline="")
    write_rows(file, [row, row])
    file.seek(0)
    assert list(read_rows(file)) == [row, row]


def test_an_endless_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="a line has more than"):
        list(read_rows(io.StringIO("x" * 20_000_001)))
    with pytest.raises(ValueError, match="field larger than field limit"):
        list(read_rows(io.StringIO("x" * 200_000)))
