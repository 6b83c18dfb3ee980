"""Every broken layout gives the right sentence, and never another exception."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from clearsight.data.formats import FORMATS
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from support.formats import broken_arrays, broken_tables, broken_trees
from support.formats.breakage import Breakage
from support.formats.content import problems_of
from support.formats.layouts import LAYOUTS
from support.formats.property_examples import num_tried

QUICK = settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
BREAKAGES = (*broken_trees.BREAKAGES, *broken_arrays.BREAKAGES, *broken_tables.BREAKAGES)
each_breakage = pytest.mark.parametrize("broken", BREAKAGES, ids=lambda broken: broken.name)


def messages_of(path: Path, options: SourceOptions) -> tuple[str, dict[str, str]]:
    """Return the error when a path is opened, and those of its images when all are read."""
    form = next(form for form in FORMATS if form.matches(path))
    try:
        result = form.open(path, options)
    except DataError as error:
        return str(error), {}
    return "", problems_of(result) if isinstance(result, Listing) else {}


def check(broken: Breakage, draw) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = broken.write(draw, Path(folder).resolve())
        path, options = written if isinstance(written, tuple) else (written, SourceOptions())
        said, problems = messages_of(path, options)
    if broken.is_image:
        assert said == ""
        assert len(problems) == 1, "one image is bad, the others are not"
        said = next(iter(problems.values()))
    assert re.search(broken.message, said), said
    assert said.endswith((".", "?"))
    assert "\n" not in said


@each_breakage
def test_the_message_is_right(broken: Breakage) -> None:
    assert num_tried(QUICK, lambda draw: check(broken, draw)) > 0


@pytest.mark.slow
@each_breakage
def test_the_message_is_right_every_time(broken: Breakage) -> None:
    assert num_tried(settings(QUICK, max_examples=100), lambda draw: check(broken, draw)) > 0


def corrupt(draw, content: bytes) -> bytes:
    """Cut a file short, flip bits, or duplicate a part of it."""
    if not content:
        return b"\0"
    kind = draw(st.sampled_from(("cut", "flip", "flip", "zero", "insert")))
    begin = draw(st.integers(0, len(content) - 1))
    if kind == "cut":
        return content[:begin]
    if kind == "flip":
        mask = draw(st.integers(1, 255))
        return content[:begin] + bytes([content[begin] ^ mask]) + content[begin + 1 :]
    length = draw(st.integers(1, 64))
    if kind == "zero":
        return (
            content[:begin]
            + bytes(len(content[begin : begin + length]))
            + content[begin + length :]
        )
    return content[:begin] + content[begin : begin + length] + content[begin:]


def check_corrupted(name: str, draw) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = LAYOUTS[name](draw, Path(folder).resolve())
        base = layout.path if layout.path.is_dir() else layout.path.parent
        files = sorted(file for file in base.rglob("*") if file.is_file())
        for _ in range(draw(st.integers(1, 3))):
            file = draw(st.sampled_from(files))
            file.write_bytes(corrupt(draw, file.read_bytes()))
        said, problems = messages_of(layout.path, layout.options)
    for sentence in (said, *problems.values()):
        assert "\n" not in sentence


@pytest.mark.parametrize("name", LAYOUTS)
def test_corrupted_files_raise_nothing_else(name: str) -> None:
    assert num_tried(settings(QUICK, max_examples=20), lambda draw: check_corrupted(name, draw)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_corrupted_files_raise_nothing_else_in_many_forms(name: str) -> None:
    many = settings(QUICK, max_examples=600)
    assert num_tried(many, lambda draw: check_corrupted(name, draw)) > 0
