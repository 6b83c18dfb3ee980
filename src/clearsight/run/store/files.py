"""Reading and writing the JSON and CSV files of a run."""

import csv
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pydantic import TypeAdapter

from clearsight.errors import RunError
from clearsight.io.atomic import write_atomically

Content = TypeVar("Content")
_adapter = cache(TypeAdapter)


def write_json(values: dict[str, Any], path: Path) -> None:
    """Write JSON-ready values, replacing `path` whole."""
    with write_atomically(path) as temporary:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
        # Paths that are not UTF-8 are surrogates in Python, and become JSON's escapes for them.
        temporary.write_bytes(f"{text}\n".encode("utf-8", "backslashreplace"))


def read_json(path: Path, content: type[Content], description: str) -> Content:
    """Read a file into the pydantic model or dataclass that it was written from.

    The error describes what the file should hold with the words of `description`.

    Raises:
        RunError: when the file is missing, damaged or of another version.
    """
    try:
        # Not pydantic's own parser, which refuses the escapes of paths that are not UTF-8.
        return _adapter(content).validate_python(json.loads(path.read_bytes()))
    except OSError as error:
        is_absent = isinstance(error, FileNotFoundError)
        reason = "does not exist" if is_absent else f"cannot be read ({error.strerror})"
        raise RunError(f"{path} should hold {description}, but {reason}.") from error
    except (ValueError, RecursionError) as error:
        raise RunError(
            f"{path} should hold {description}, but is damaged or of another version."
        ) from error


def open_csv(path: Path, mode: str = "r") -> TextIO:
    """Open a CSV file; names of files that are not valid Unicode survive writing and reading."""
    file: Any = path.open(mode, newline="", encoding="utf-8", errors="surrogateescape")
    return file


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], path: Path) -> None:
    """Write a table with a header, replacing `path` whole."""
    with write_atomically(path) as temporary, open_csv(temporary, "w") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
