"""Class names as numbers, and as the files that --class-names takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from support.formats.content import Content

Draw = Callable[[st.SearchStrategy[Any]], Any]


def numbers(content: Content) -> tuple[str, ...]:
    return tuple(str(code) for code in range(len(content.class_names)))


def names_file(draw: Draw, content: Content, root: Path) -> Path:
    """Write the class names in one of the forms that --class-names takes."""
    listed = list(content.class_names)
    kind = draw(st.sampled_from(("list", "index to name", "name to index", "text")))
    if kind == "text":
        path = root / "names.txt"
        path.write_text("\n".join(listed) + "\n", encoding="utf-8")
        return path
    values: Any = listed
    if kind == "index to name":
        values = {str(code): name for code, name in enumerate(listed)}
    elif kind == "name to index":
        values = {name: code for code, name in reversed(list(enumerate(listed)))}
    path = root / "names.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path
