"""``clearsight data``: which sources there are, and what is in them."""

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

app = typer.Typer(help="Show data sources and what is in them.", rich_markup_mode=None)
app.command("check", cls=takes_options(SOURCE_OPTIONS))(check_source)

_BAR_WIDTH = 30


@app.command("list")
def list_sources(
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder that holds a named source's files."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the sources: what each is, whether it is present, and which paths can be read."""
    from clearsight.data.formats import FORMATS
    from clearsight.data.sources.load import SOURCES

    console = console_for(as_json)
    rows = [
        {"name": source.name, "summary": source.summary, "where": source.locate(data_dir)}
        for source in SOURCES.values()
    ]
    if as_json:
        formats = [{"name": row.name, "summary": row.summary} for row in FORMATS]
        print_json({"sources": rows, "formats": formats})
        return
    for row in rows:
        console.print(f"{row['name']:<14} {row['summary']}")
        where = row["where"]
        found = f"present: {where}" if where else "not here yet: fetched when first used"
        console.print(f"{'':<14} {found}")
    console.print("\nAnd the path of images of your own:")
    for row in reversed(FORMATS):  # the most usual come first
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
    """Show a source: counts, shape, range, class balance, and a contact sheet."""
    import platformdirs

    from clearsight.data.sources.load import load_splits
    from clearsight.report.contact_sheet import write_contact_sheet

    check_new_file(out, "--out", ".png")
    splits = load_splits(source, given_source_options(context), show_decoding)
    train, parts, notes = splits.train, splits.parts, list(splits.load_report.sentences)
    shown = platformdirs.user_cache_path("clearsight") / "shown"
    sheet = out or shown / f"{Path(source).resolve().name}.png"
    write_contact_sheet(train, sheet)
    if as_json:
        described = {part: images.summary() for part, images in parts.items()}
        print_json({"source": source, "notes": notes, **described, "contact_sheet": str(sheet)})
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
        share = count / len(images)
        console.print(f"  {name:<{name_width}}  {count:>7,}  {share:>6.1%}  {bar}")
