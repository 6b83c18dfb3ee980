"""Reading and writing the JSON and CSV files of a run.

A run's folder may come from somebody else, and a disk may damage any file. So each file is read
here, if it is a regular file of a plausible size, and checked as a whole against the model that it
is written from: callers get a valid model, or an error in one sentence.
"""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pydantic import TypeAdapter, ValidationError

from clearsight.errors import RunError, format_validation_error
from clearsight.io.atomic import write_atomically
from clearsight.io.regular_file import open_regular, read_regular
from clearsight.io.strict_json import parse_strict_json

Content = TypeVar("Content")
MAX_JSON_BYTES = 32_000_000  # the scores of 20,000 classes have about 20 MB
_adapter = cache(TypeAdapter)


def write_json(values: dict[str, Any], path: Path) -> None:
    """Write JSON-ready values, replacing `path` atomically."""
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
    expected = f"{path} should hold {description}, but"
    try:
        # Not pydantic's own parser, which refuses the escapes of paths that are not UTF-8.
        values = parse_strict_json(read_regular(path, MAX_JSON_BYTES), allow_half_characters=True)
        return _adapter(content).validate_python(values)
    except FileNotFoundError as error:
        raise RunError(f"{expected} does not exist.") from error
    except OSError as error:
        raise RunError(f"{expected} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise RunError(
            f"{expected} is damaged or of another version ({format_validation_error(error)}): "
            "restore it from a copy."
        ) from error
    except (ValueError, OverflowError) as error:
        raise RunError(f"{expected} is damaged ({error}): restore it from a copy.") from error


def read_json_if_present(path: Path, content: type[Content], description: str) -> Content | None:
    """Read a file as `read_json` does; None if there is none."""
    try:
        return read_json(path, content, description)
    except RunError as error:
        if isinstance(error.__cause__, FileNotFoundError) and not path.is_symlink():
            return None
        raise


def open_csv(path: Path) -> TextIO:
    """Open a CSV file to read; names of files that are not valid Unicode survive.

    Raises:
        OSError: when there is no such regular file.
    """
    return io.TextIOWrapper(
        open_regular(path), encoding="utf-8", errors="surrogateescape", newline=""
    )
