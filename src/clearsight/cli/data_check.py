"""``clearsight data check``: check a source's images before training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from clearsight.cli.decoding import show_decoding
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import PATH, check_new_file, console_for, json_option, print_json
from clearsight.cli.request_options import SOURCE_OPTIONS, RequestCommand, given_source_options
from clearsight.errors import MissingExtraError, RequestError

if TYPE_CHECKING:
    from rich.console import Console

    from clearsight.run.data_check.check import DataCheck

_INDENT = 9


@click.command("check", cls=RequestCommand, requests=(SOURCE_OPTIONS,))
@click.argument("source")
@click.option("--quick", is_flag=True, help="Leave out the network that judges the labels.")
@click.option("--out", metavar="FILE.html", type=PATH, help="Where to write the page; a new file.")
@click.option(
    "--labels-out",
    metavar="FILE.csv",
    type=PATH,
    help="Write suspected labels to correct; a new file.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    help="Random seed of the network that judges the labels.",
)
@json_option
@click.pass_context
def check_source(
    context: click.Context,
    source: str,
    quick: bool,
    out: Path | None,
    labels_out: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Check images for duplicates, leakage and wrong labels.

    SOURCE is a name or a path; see `clearsight data list`.
    """
    _check_usage(quick, out, labels_out)
    console = console_for(as_json)
    from clearsight.data.sources.load import load_splits

    splits = load_splits(source, given_source_options(context), show_decoding)
    with loading_keras(console):
        from clearsight.run.data_check.check import check_data
    with console.status("checking the images") as status:
        checked = check_data(splits, source, quick=quick, seed=seed, announce=status.update)
    page = _write_page(checked, out)
    if labels_out is not None:
        checked.write_labels(labels_out)
    if as_json:
        labels = str(labels_out) if labels_out is not None else None
        print_json({**checked.to_json(), "page": str(page) if page else None, "labels": labels})
        return
    _show(checked, console)
    if page is not None:
        console.print(f"page:   {page}")
    if labels_out is not None:
        console.print(f"labels: {labels_out}")


def _check_usage(quick: bool, out: Path | None, labels_out: Path | None) -> None:
    if quick and labels_out is not None:
        raise RequestError(
            "--labels-out needs the network that --quick leaves out: drop one of the two."
        )
    check_new_file(out, "--out", ".html")
    check_new_file(labels_out, "--labels-out", ".csv")


def _write_page(checked: DataCheck, out: Path | None) -> Path | None:
    """Write the page. If an extra is missing, print that instead, unless --out was given."""
    import platformdirs

    checks = platformdirs.user_cache_path("clearsight") / "checked"
    page = out or checks / f"{Path(checked.source).resolve().name}.html"
    try:
        checked.write_page(page)
    except MissingExtraError as error:
        if out is not None:
            raise
        console_for(as_json=True).print(f"No page was written. {error}")
        return None
    return page


def _show(checked: DataCheck, console: Console) -> None:
    from rich.padding import Padding

    parts = ", ".join(f"{len(images):,} {part}" for part, images in checked.splits.parts.items())
    console.print(f"{checked.source}: {parts} images, checked in {checked.seconds:.1f} s.")
    for finding in checked.findings:
        count = f"{finding.count:,} of {finding.total:,}"
        console.print(f"\n{finding.severity:<8} {finding.title:<46} {count:>18}")
        for sentence in (f"{finding.message}.", finding.advice):
            # On a terminal wrapped lines are indented too; in a file every line stays whole.
            indented = Padding(sentence, (0, 0, 0, _INDENT), expand=False)
            console.print(indented if console.is_terminal else " " * _INDENT + sentence)
    if not checked.findings:
        console.print("No problems were found.")
    console.print()
    for sentence in checked.skipped_checks:
        console.print(f"Not done: {sentence}")
