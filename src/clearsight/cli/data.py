"""``clearsight data``: list, show and check datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.arguments import SOURCE
from clearsight.cli.data_check import check_source
from clearsight.cli.decoding import show_decoding
from clearsight.cli.examples import examples
from clearsight.cli.output import (
    PATH,
    check_new_file,
    console_for,
    free_paths_here,
    json_option,
    print_json,
    print_table,
)
from clearsight.cli.request_options import SOURCE_OPTIONS, RequestCommand, given_source_options
from clearsight.cli.source_summary import show_notes, show_parts
from clearsight.io.text_table import TextTable

if TYPE_CHECKING:
    from clearsight.data.image_set import ImageSet

_BAR_WIDTH = 20


@click.group()
def data() -> None:
    """List, show and check datasets."""


data.add_command(check_source)


@data.command("list", epilog=examples("data list"))
@click.option(
    "--data-dir", metavar="DIR", type=PATH, help="Folder with a built-in dataset's files."
)
@json_option
def list_sources(data_dir: Path | None, as_json: bool) -> None:
    """List built-in datasets and supported formats."""
    from clearsight.data.formats import FORMATS
    from clearsight.data.sources.load import SOURCES

    console = console_for(as_json)
    rows = [
        {"name": source.name, "summary": source.summary, "location": source.locate(data_dir)}
        for source in SOURCES.values()
    ]
    if as_json:
        formats = [{"name": row.name, "summary": row.summary} for row in FORMATS]
        print_json({"sources": rows, "formats": formats})
        return
    listed = []
    for row in rows:
        location = row["location"]
        state = f"present: {location}" if location else "not present: downloaded when first used"
        listed += [(row["name"], row["summary"]), ("", state)]
    print_table(TextTable(listed, ("", ""), 2, last_is_text=True), console)
    console.print()
    console.print("Or the path of your own images:")
    common = [(row.name, row.summary) for row in reversed(FORMATS)]  # the most common first
    print_table(TextTable(common, ("", ""), 2, last_is_text=True), console)


@data.command(
    "show", cls=RequestCommand, requests=(SOURCE_OPTIONS,), epilog=examples("data show digits")
)
@click.argument("source", type=SOURCE)
@click.option(
    "--out",
    metavar="FILE.png",
    type=PATH,
    help="Where to write the contact sheet, a new file; by default in the current folder.",
)
@json_option
@click.pass_context
def show_source(context: click.Context, source: str, out: Path | None, as_json: bool) -> None:
    """Show a dataset's size and classes, and a contact sheet.

    SOURCE is a name or a path; see `clearsight data list`.
    """
    from clearsight.data.sources.load import load_splits
    from clearsight.report.contact_sheet import write_contact_sheet

    check_new_file(out, "--out", ".png")
    splits = load_splits(source, given_source_options(context), show_decoding)
    train, parts, notes = splits.train, splits.parts, list(splits.load_report.sentences)
    sheet = out or next(iter(free_paths_here(source, "contact-sheet", ".png") or ()), None)
    if sheet is not None:
        write_contact_sheet(train, sheet)
    if as_json:
        summaries = {part: images.summary() for part, images in parts.items()}
        print_json(
            {"source": source, "notes": notes, **summaries, "contact_sheet": sheet and str(sheet)}
        )
        return
    console = console_for(as_json)
    show_parts(splits, console)
    _show_balance(train, console)
    show_notes(splits, console)
    if sheet is None:
        sheet = "none, because it would lie among the images: choose a file elsewhere with --out"
    console.print(f"contact sheet: {sheet}")


def _show_balance(images: ImageSet, console: Any) -> None:
    counts = images.class_counts
    rows = []
    for name, count in zip(images.class_names, counts, strict=True):
        bar = "█" * max(round(_BAR_WIDTH * count / counts.max()), 1 if count else 0)
        rows.append((name, f"{count:,}", f"{count / len(images):.1%}", bar.ljust(_BAR_WIDTH)))
    print_table(TextTable(rows, ("class", "images", "", "")), console)
