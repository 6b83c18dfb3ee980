"""Keras's internals are used in one package, which says so if they are gone."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import BackendError
from clearsight.models.backend import keras
from clearsight.models.keras_internals import names

PACKAGE = Path(clearsight.__file__).parent
NAMES = Path(names.__file__)
PRIVATE = {name for group in names.PRIVATE_NAMES.values() for name in group}
# Private attributes of these are another library's, or the package's own.
OTHERS = {"self", "cls", "torch", "os", "_ops"}
PUBLIC = {"_repr_html_", "_asdict", "_fields", "_make", "_replace"}


def uses_of_internals(source: str) -> list[str]:
    """Return the private names of Keras, or perhaps of Keras, that a file's source uses."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("keras.src"):
            found.append(str(node.module))
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("keras.src")]
        elif isinstance(node, ast.Attribute):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            is_other = isinstance(root, ast.Name) and root.id in OTHERS
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            is_other |= node.attr in PUBLIC
            if node.attr in PRIVATE or (is_private and not is_other):
                found.append(node.attr)
            elif node.attr == "src" and isinstance(root, ast.Name) and root.id == "keras":
                found.append("keras.src")
        elif isinstance(node, ast.Constant) and node.value in PRIVATE:
            found.append(str(node.value))
        elif isinstance(node, ast.FunctionDef) and node.name in PRIVATE:
            found.append(node.name)
    return found


def test_no_other_file_uses_them() -> None:
    found = {
        str(path): uses
        for path in PACKAGE.rglob("*.py")
        if path.parent != NAMES.parent and (uses := uses_of_internals(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from keras.src.models.functional import Functional", ["keras.src.models.functional"]),
        ("keras.src.models", ["keras.src"]),
        ("model._compile_loss", ["_compile_loss"]),
        ("self._model._anything", []),
        ("self._inputs", ["_inputs"]),
        ("getattr(model, '_functional', None)", ["_functional"]),
        ("model.optimizer._anything", ["_anything"]),
        ("class A(B):\n    def _should_use_adamw(self): pass", ["_should_use_adamw"]),
        ("self._steps = torch._foreach_mul", []),
    ],
)
def test_a_use_is_noticed(source: str, expected: list[str]) -> None:
    assert uses_of_internals(source) == expected


def test_every_name_that_the_package_uses_is_checked() -> None:
    used = {
        node.attr
        for path in NAMES.parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_")
    }
    assert {name for name in used if not name.startswith("__")} <= PRIVATE


def test_a_version_of_keras_without_a_name_is_one_error() -> None:
    needed = {keras.Model: ("_compile_loss", "_no_such_name")}
    expected = r"needs Model\._no_such_name of Keras, which version .* 3\.14 to 3\.15 is known"
    with pytest.raises(BackendError, match=expected):
        names.check_names(needed)


def test_a_version_of_keras_without_a_module_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("keras.src.models.functional.Functional")
    with pytest.raises(BackendError, match=r"cannot import name 'Functional'.* is known to work"):
        runpy.run_path(str(NAMES))
