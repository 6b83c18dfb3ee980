"""A Griffe extension: docstrings as the reference needs them.

`clearsight.options.documents` appends the options of a request to a function's docstring, which
Griffe, reading the source, does not see; so those are read from the running program. And Griffe's
word for a section of examples is "Examples", also where there is one.
"""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from typing import Any

import griffe


class RuntimeDocstrings(griffe.Extension):
    """Completes docstrings."""

    def on_instance(self, *, obj: griffe.Object, **others: Any) -> None:
        """Rename the section of a single example."""
        del others
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = text

    def on_function_instance(
        self, *, node: ast.AST | griffe.ObjectNode, func: griffe.Function, **others: Any
    ) -> None:
        """Read the docstring of a function under `@documents`."""
        del node, others
        if not any(str(each.value).startswith("documents(") for each in func.decorators):
            return
        function = getattr(import_module(func.module.path), func.name)
        text = inspect.cleandoc(function.__doc__ or "")
        # Griffe's name for keyword arguments that the signature does not list.
        text = text.replace("\nOptions:\n", "\nOther Parameters:\n")
        func.docstring = griffe.Docstring(text, parent=func, parser="google")
