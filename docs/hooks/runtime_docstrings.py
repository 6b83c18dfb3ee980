"""A Griffe extension: docstrings as the reference needs them.

`clearsight.options.documents` appends the options of a request to a function's docstring, which
Griffe, reading the source, does not see; so those are read from the running program. And Griffe's
word for a section of examples is "Examples", also where there is one.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import griffe


class RuntimeDocstrings(griffe.Extension):
    """Completes docstrings."""

    def on_instance(self, *, obj: griffe.Object, **others: Any) -> None:
        """Rename the section of a single example; read what a decorator completes."""
        del others
        if obj.docstring is None:
            return
        text = obj.docstring.value
        if obj.is_function and any("documents(" in str(each.value) for each in obj.decorators):
            function = getattr(import_module(obj.module.path), obj.name)
            # Griffe's name for keyword arguments that the signature does not list.
            text = inspect.getdoc(function).replace("\nOptions:\n", "\nOther Parameters:\n")
        text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
        obj.docstring.value = text
