"""Reading and writing the JSON files of a run."""

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from clearsight.errors import RunError
from clearsight.io.atomic import write_atomically

Content = TypeVar("Content")
_adapter = cache(TypeAdapter)


def write_json(values: dict[str, Any], path: Path) -> None:
    """Write JSON-ready values, replacing `path` whole."""
    with write_atomically(path) as temporary:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(f"{text}\n", "utf-8")


def read_json(path: Path, content: type[Content], description: str) -> Content:
    """Read a file into the pydantic model or dataclass that it was written from.

    The error describes what the file should hold with the words of `description`.

    Raises:
        RunError: when the file is missing, damaged or of another version.
    """
    try:
        return _adapter(content).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunError(
            f"{path} should hold {description}, but is missing, damaged or of another version."
        ) from error
