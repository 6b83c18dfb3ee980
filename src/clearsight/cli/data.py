"""``clearsight data``: list, show and check datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearsight.cli.data_check import check_source
from clearsight.cli.decoding import show_decoding
from clearsight.cli.output import AsJson, check_new_file, console_for, print_json
from clearsight.cli.request_options import SOURCE_OPTIONS, given_source_options, takes_options

if TYPE_CHECKING:
    from clearsight.data.image_set import ImageSet

app = typer.Typer(help="List, show and check datasets.", rich_markup_mode=None)
app.command("check", cls=takes_options(SOURCE_OPTIONS))(check_source)

_BAR_WIDTH = 30


@app.command("list")
def list_sources(
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with a built-in dataset's files."),
    ] = None,
    as_json: AsJson = False,
) -> None:
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
    for row in rows:
        console.print(f"{row['name']:<14} {row['summary']}")
        location = row["location"]
        state = f"present: {location}" if location else "not present: downloaded when first used"
        console.print(f"{'':<14} {state}")
    console.print("\nOr the path of your own images:")
    for row in reversed(FORMATS):  # the most common first
        console.print(f"{row.name:<14} {row.summary}")


@app.command("show", cls=takes_options(SOURCE_OPTIONS))
def show_source(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A name or a path; see `clearsight data list`.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Where to write the contact sheet; a new file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a dataset's size and classes, and a contact sheet."""
    import platformdirs

    from clearsight.data.sources.load import load_splits
    from clearsight.report.contact_sheet import write_contact_sheet

    check_new_file(out, "--out", ".png")
    splits = load_splits(source, given_source_options(context), show_decoding)
    train, parts, notes = splits.train, splits.parts, list(splits.load_report.sentences)
    sheet = out or (
        platformdirs.user_cache_path("clearsight") / "shown" / f"{Path(source).resolve().name}.png"
    )
    write_contact_sheet(train, sheet)
    if as_json:
        summaries = {part: images.summary() for part, images in parts.items()}
        print_json({"source": source, "notes": notes, **summaries, "contact_sheet": str(sheet)})
        return
    console = console_for(as_json)
    for part, images in parts.items():
        height, width, channels = images.image_shape
        low, high = images.value_range
        console.print(
            f"{part}: {len(images):,} images, {height}x{width}x{channels}, values {low} to "
            f"{high}, {images.num_classes} classes ({images.provenance})"
        )
    _show_balance(train, console)
    for note in notes:
        console.print(f"Note: {note}")
    console.print(f"contact sheet: {sheet}")


def _show_balance(images: ImageSet, console: Any) -> None:
    counts = images.class_counts
    name_width = max(len(name) for name in images.class_names)
    for name, count in zip(images.class_names, counts, strict=True):
        bar = "█" * max(round(_BAR_WIDTH * count / counts.max()), 1 if count else 0)
        console.print(f"  {name:<{name_width}}  {count:>7,}  {count / len(images):>6.1%}  {bar}")
