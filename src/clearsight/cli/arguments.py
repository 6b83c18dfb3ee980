"""The arguments of commands, with the names that Tab completes."""

from __future__ import annotations

from glob import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from clearsight.cli.output import print_message


class _Named(click.ParamType):
    """A value that is a name, of which Tab completes the known ones, or else a path."""

    name = "text"

    def known(self) -> list[str]:
        """Return the names, without importing anything heavy."""
        raise NotImplementedError

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        del ctx, param
        return complete_names(self.known(), incomplete)


class _RunName(_Named):
    """A run's path, its name, the beginning of its name, or "latest"; as it was typed."""

    def known(self) -> list[str]:
        from clearsight.run.store.find_run import LATEST, run_names

        names = run_names()
        return [LATEST, *reversed(names)] if names else []


class _RunPath(_RunName):
    """The path of a run."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        del param
        if ctx is not None and ctx.resilient_parsing:  # Tab completes another word
            return Path(value)
        from clearsight.run.store.find_run import find_run

        found = find_run(value)
        if found != Path(value):
            print_message(f"Run: {found}")
        return found


class TableName(_Named):
    """A name in a table, "MODULE:TABLE", which is imported only to complete it."""

    def __init__(self, table: str) -> None:
        self._table = table

    def known(self) -> list[str]:
        """Return the keys of the table."""
        module, _, table = self._table.partition(":")
        return list(getattr(import_module(module), table))


class OneOf(_Named):
    """One of a few words; the code that uses the value reports any other."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words

    def known(self) -> list[str]:
        """Return the words."""
        return list(self._words)


RUN = _RunPath()
BUNDLE = _RunName()  # of a run, or the path of a bundle
SOURCE = TableName("clearsight.data.sources.load:SOURCES")
MODEL = TableName("clearsight.models.zoo:FAMILIES")


def complete_names(names: list[str], incomplete: str) -> list[CompletionItem]:
    """Return names and paths with this beginning; if there are no names, the shell completes."""
    found = [name for name in names if name.startswith(incomplete)]
    if not found:
        return [CompletionItem(incomplete, type="file")]
    paths = sorted(str(path) for path in Path().glob(f"{escape(incomplete)}*"))
    return [
        CompletionItem(name)
        for name in [*found, *paths]
        if name.isprintable() and not name.startswith(".")
    ]
