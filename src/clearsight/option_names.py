"""How messages name an option: as an argument in Python, with dashes on the command line.

Code that writes a message does not know who reads it. The command line calls `on_command_line`
once; otherwise the reader is assumed to have called a Python function.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WHEN_READ = re.compile("\0([a-z_]+)\0")  # which no name of a file contains
# Of the process and not of a thread or context: messages also come from threads that write files.
_readers = ["python"]


@contextmanager
def on_command_line() -> Iterator[None]:
    """Name options as on the command line in this process while the block runs."""
    _readers.append("command line")
    try:
        yield
    finally:
        _readers.pop()


def for_reader(command_line: str, python: str) -> str:
    """Return the text for a message's reader: the user of a command, or of a Python function."""
    return command_line if _readers[-1] == "command line" else python


def option(name: str, value: Any = None, *, form: str = "") -> str:
    """Return an option as its reader gives it.

    Args:
        name: of the Python argument.
        value: what it should be set to; None for the name alone.
        form: a placeholder to show instead of a value, such as "LOW,HIGH".

    Example:
        >>> option("image_size"), option("image_size", (48, 64)), option("allow_bad", True)
        ('image_size=', 'image_size=(48, 64)', 'allow_bad=True')
        >>> with on_command_line():
        ...     option("image_size"), option("image_size", (48, 64)), option("allow_bad", True)
        ('--image-size', '--image-size 48,64', '--allow-bad')
    """
    if value is None:
        python_form = f"({form.replace(',', ', ')})" if "," in form else form
        return for_reader(f"{flag(name)} {form}".rstrip(), f"{name}={python_form}")
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return for_reader(shlex.join(typed_words(name, value)), f"{name}={text}")


def option_when_read(name: str) -> str:
    """Return an option for text that is kept in a file; `name_options` adapts it to its reader.

    Example:
        >>> name_options(f"Change it with {option_when_read('image_size')}")
        'Change it with image_size='
    """
    return f"\0{name}\0"


def name_options(text: str) -> str:
    """Return text of `option_when_read` with its options as its reader gives them."""
    return _WHEN_READ.sub(lambda found: option(found[1]), text)


def flag(name: str) -> str:
    """Return what an option is called on the command line.

    Example:
        >>> flag("batch_size"), flag("recipe_arguments")
        ('--batch-size', '--recipe-arg')
    """
    return f"--{name.replace('_arguments', '_arg').replace('_', '-')}"


def typed_words(name: str, value: Any) -> list[str]:
    """Return what is typed to set an option to a value.

    Example:
        >>> typed_words("recipe_arguments", {"patience": 3}), typed_words("header", False)
        (['--recipe-arg', 'patience=3'], ['--no-header'])
    """
    if isinstance(value, bool):
        return [flag(name if value else f"no_{name}")]
    if isinstance(value, dict):
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
        return [word for key, text in texts.items() for word in (flag(name), f"{key}={text}")]
    if isinstance(value, tuple | list):
        value = ",".join(map(str, value))
    return [flag(name), f"{value:g}" if isinstance(value, float) else str(value)]
