"""JSON from anyone: what is parsed can be written again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.io.strict_json import parse_strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_usual_json_is_parsed_as_by_json(values: object) -> None:
    text = json.dumps(values)
    assert parse_strict_json(text.encode()) == json.loads(text)


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:1e.-NaInfty\\ud', max_size=60))
def test_anything_else_raises_value_errors_alone(content: bytes | str) -> None:
    try:
        values = parse_strict_json(content.encode() if isinstance(content, str) else content)
    except ValueError:
        return
    json.dumps(values, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1, "a": 1}', "the key 'a' twice"),
        ("[NaN]", "the number NaN is not finite"),
        ("[-Infinity]", "the number -Infinity is not finite"),
        ("1e999", "the number 1e999 is not finite"),
        ('"\\ud800"', "surrogates not allowed"),
        ("[" * 40 + "]" * 40, "more than 32 deep"),
        ("[" * 900_000, "more than 32 deep"),
        ("[" + "[]," * 1_000_000 + "1]", "far too many lists and objects"),
    ],
    ids=lambda value: value[:10],
)
def test_what_means_nothing_certain_is_refused(content: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_strict_json(content.encode())


def test_half_characters_are_bytes_of_names_only() -> None:
    assert parse_strict_json(b'"caf\\udce9"', allow_half_characters=True) == "caf\udce9"
    with pytest.raises(ValueError, match="surrogates"):
        parse_strict_json(b'"\\ud800"', allow_half_characters=True)
