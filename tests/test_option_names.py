"""Messages name an option for whoever reads them: a function's argument, or a command's option."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.errors import ClearsightError
from clearsight.option_names import on_command_line, option

PACKAGE = Path(clearsight.__file__).parent
# What only a command has, so that no function is meant.
ONLY_COMMANDS = (
    "bundle/",
    "cli/",
    "predict/",
    "report/",
    "run/data_check/",
    "run/export/",
    "serving/",
)


@pytest.mark.parametrize(
    ("name", "value", "python", "typed"),
    [
        ("image_size", None, "image_size=", "--image-size"),
        ("image_size", (48, 64), "image_size=(48, 64)", "--image-size 48,64"),
        ("allow_bad", True, "allow_bad=True", "--allow-bad"),
        ("header", False, "header=False", "--no-header"),
        ("label_pattern", r"(?P<label>\d)", r"label_pattern='(?P<label>\\d)'",
         r"--label-pattern '(?P<label>\d)'"),
        ("recipe_arguments", {"flip": "none"}, "recipe_arguments={'flip': 'none'}",
         "--recipe-arg flip=none"),
        ("test_split", 0.3, "test_split=0.3", "--test-split 0.3"),
    ],
)  # fmt: skip
def test_an_option_is_named_as_its_reader_gives_it(
    name: str, value: object, python: str, typed: str
) -> None:
    assert option(name, value) == python
    with on_command_line():
        assert option(name, value) == typed
    assert option(name, value) == python


def test_messages_leave_the_naming_of_options_to_one_place() -> None:
    """A text that holds an option as it is typed is part of a command, or for commands alone."""
    found = {
        f"{place}: {text}"
        for path in PACKAGE.rglob("*.py")
        if not (place := path.relative_to(PACKAGE).as_posix()).startswith(ONLY_COMMANDS)
        for text in texts_in(ast.parse(path.read_text("utf-8")))
        if re.search(r"(?<![\w-])(?<!var\()--[a-z]", text)
    }
    assert sorted(found) == sorted(PARTS_OF_COMMANDS)


PARTS_OF_COMMANDS = {
    "data/image_suffixes.py: needs Pillow with AVIF: pip install --upgrade pillow",
    "data/labels/corrections.py: clearsight data check SOURCE --labels-out",
    "data/sources/apt_package.py: --extract",
    "data/sources/keywords.py: Corrected labels; see `data check --labels-out`.",
    "data/sources/options.py: Corrected labels; see `data check --labels-out`.",
    "data/splits/removal.py: clearsight data check SOURCE --list-out",
    "run/store/location.py: --resume",
}


def texts_in(tree: ast.Module) -> list[str]:
    """Return a module's literal texts, but documentation and what `for_reader` chooses from."""
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            first = node.body[0]
            left_out |= {id(first.value)} if isinstance(first, ast.Expr) else set()
        is_choice = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "for_reader"
        left_out |= {id(part) for part in ast.walk(node)} if is_choice else set()
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in left_out
    ]


def test_the_same_mistake_from_python_names_the_argument() -> None:
    with pytest.raises(ClearsightError, match=r"takes no data_dir=\."):
        clearsight.load_data(str(PACKAGE), data_dir="elsewhere")
    with on_command_line(), pytest.raises(ClearsightError, match=r"takes no --data-dir\."):
        clearsight.load_data(str(PACKAGE), data_dir="elsewhere")


def test_sentences_kept_with_decoded_images_name_options_for_each_reader(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for index in range(5):
            pixels = np.full((8, 8), 20 * index + len(name), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    with on_command_line():
        first = clearsight.load_data(tmp_path).load_report.decisions
    again = clearsight.load_data(tmp_path).load_report.decisions
    assert any("(--image-size)" in each for each in first), first
    assert any("(image_size=)" in each for each in again), again
