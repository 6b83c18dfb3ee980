"""`TextConsole`: the console that everything is printed on."""

from typing import IO, Any

from rich.console import Console
from rich.text import Text

from clearsight.io.displayed_text import displayed


class TextConsole(Console):
    """A console that displays text as it is: no markup, no emoji, no control characters.

    Each string that is printed, and each cell of a table, is one line; lines are printed together
    with ``print(*lines, sep="\\n")``.

    Args:
        stderr: whether it prints on standard error.
        **options: of rich's `Console`.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        settings = {"highlight": False, "markup": False, "emoji": False, **options}
        super().__init__(stderr=stderr, **settings)

    @property
    def file(self) -> IO[str]:
        """The stream to write to, which need not display what rich has rendered already."""
        stream = super().file
        return getattr(stream, "for_rendered_text", stream)

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def print(self, *objects: Any, **options: Any) -> None:
        """Print objects; a word that is longer than a line, such as a path, is never cut.

        The terminal itself then shows on several lines what can still be copied as one.
        """
        words = (word for each in objects if isinstance(each, str) for word in each.split())
        if any(len(word) > self.width for word in words):
            options = {"soft_wrap": True, **options}
        super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn a string into rich's text; rich calls this for each string that it prints."""
        return super().render_str(displayed(text), **options)
