"""`Html`: markup made of escaped text, as the results of Python calls show it in a notebook.

Pages have templates; these are small, and must work without the extra that renders templates.
"""

import html
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clearsight.errors import ClearsightError
from clearsight.io.displayed_text import displayed

_WITHOUT_END = ("br", "img")


class Html(str):
    """Text that is markup already, so that it is not escaped again."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """Return a value as markup: `Html` as it is, anything else as its escaped text.

    Example:
        >>> escaped("<b>")
        '&lt;b&gt;'
    """
    # File names may hold bytes that are not valid text, which `displayed` shows as escapes.
    return value if isinstance(value, Html) else Html(html.escape(displayed(str(value))))


def element(tag: str, *children: object, **attributes: str) -> Html:
    """Return an element, with its children and the values of its attributes escaped.

    Args:
        tag: its name.
        *children: what is in it.
        **attributes: by name; `class_` is "class", `aria_label` is "aria-label".

    Example:
        >>> element("p", "1 < 2", class_="faint")
        '<p class="faint">1 &lt; 2</p>'
    """
    given = "".join(f' {name.rstrip("_")}="{escaped(value)}"' for name, value in attributes.items())
    if tag in _WITHOUT_END:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{joined(children)}</{tag}>")


def unbroken_options(command: str) -> Html:
    """Return a command, escaped already, as markup that is broken within no option.

    Example:
        >>> unbroken_options("clearsight train images/ --epochs 2")
        'clearsight train images/ <span class="option">--epochs</span> 2'
    """
    return Html(re.sub(r"(?<!\S)-\S+", r'<span class="option">\g<0></span>', str(command)))


def joined(parts: Iterable[object]) -> Html:
    """Return parts, each escaped, one after the other."""
    return Html("".join(map(escaped, parts)))


def table(
    header: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    num_left: int = 1,
    footer: Sequence[object] = (),
) -> Html:
    """Return a table that scrolls where it is too wide.

    Args:
        header: the titles of the columns.
        rows: the cells; the first of each is the row's title.
        num_left: how many columns are text, aligned to the left; the others are numbers.
        footer: the last row, e.g. totals; empty for none.
    """

    def cells(row: Sequence[object], tag: str) -> Html:
        return element(
            "tr",
            *(
                element(
                    tag if index else "th", cell, class_="text" if index < num_left else "number"
                )
                for index, cell in enumerate(row)
            ),
        )

    parts = [
        element("thead", cells(header, "th")),
        element("tbody", *(cells(row, "td") for row in rows)),
    ]
    if footer:
        parts.append(element("tfoot", cells(footer, "td")))
    title = ", ".join(map(str, header))
    scrolling = {"tabindex": "0", "role": "group", "aria_label": title}  # by keyboard too
    return element("div", element("table", *parts), class_="scroll", **scrolling)


def scores(values: Iterable[tuple[str, float, Sequence[str]]]) -> Html:
    """Return scores side by side: for each its name, its value and lines about it."""
    items = (
        element(
            "li",
            element("span", name),
            element("b", f"{value:.3f}"),
            *(element("span", line, class_="faint") for line in lines),
        )
        for name, value, lines in values
    )
    return element("ul", *items, class_="scores")


def interval_bar(value: float, ends: tuple[float, float], axis: tuple[float, float]) -> Html:
    """Return a value and its interval drawn on an axis."""
    low, high = axis
    width = (high - low) or 1.0

    def percent(number: float) -> str:
        return f"{100 * (number - low) / width:.1f}%"

    line = f"left: {percent(ends[0])}; width: {100 * (ends[1] - ends[0]) / width:.1f}%"
    dot = element("b", style=f"left: {percent(value)}")
    return element("span", element("i", style=line), dot, class_="interval")


def file_link(path: Path, text: str) -> Html:
    """Return a link to a file, relative to the current folder if it is in there.

    That is what notebooks open: they are served from their folder, and browsers follow no link
    from there to a file elsewhere.
    """
    path = path.absolute()
    inside = path.is_relative_to(Path.cwd())
    target = quote(os.fsencode(path.relative_to(Path.cwd()))) if inside else path.as_uri()
    return element("a", text, href=target, target="_blank")


def or_reason(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """Wrap a method that displays what is on a disk: if that is damaged, it returns the reason."""

    @wraps(show)
    def show_or_reason(self: Any) -> str:
        try:
            return show(self)
        except ClearsightError as error:
            return output(element("p", str(error)))

    return show_or_reason


def output(*parts: object) -> str:
    """Return a notebook's output: the parts in an element of their own, with its style sheet.

    Colours are mixed from that of the text around it, so any theme's text and ground fit.
    """
    return element("div", element("style", _style_sheet()), *parts, class_="clearsight")


@cache
def _style_sheet() -> Html:
    return Html((files("clearsight.display") / "style.css").read_text("utf-8"))
