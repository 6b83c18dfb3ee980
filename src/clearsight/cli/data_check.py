"""``clearsight data check``: check a source's images before training."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clearsight.cli.arguments import SOURCE
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    PATH,
    check_new_file,
    console_for,
    free_paths_here,
    json_option,
    print_json,
    print_table,
)
from clearsight.cli.process_clock import started_at
from clearsight.cli.request_options import SOURCE_OPTIONS, RequestCommand, given_source_options
from clearsight.cli.source_summary import show_notes, show_parts
from clearsight.errors import MissingExtraError, RequestError
from clearsight.io.text_table import TextTable

if TYPE_CHECKING:
    from clearsight.data.health.finding import Finding
    from clearsight.data.sources.options import SourceOptions
    from clearsight.io.console import TextConsole
    from clearsight.run.data_check.check import DataCheck

_MAX_CASES = 3  # of a finding in the printed text


@click.command(
    "check",
    cls=RequestCommand,
    requests=(SOURCE_OPTIONS,),
    epilog=examples("data check digits --quick", "data check digits --labels-out labels.csv"),
)
@click.argument("source", type=SOURCE)
@click.option("--quick", is_flag=True, help="Leave out the network that judges the labels.")
@click.option(
    "--out",
    metavar="FILE.html",
    type=PATH,
    help="Where to write the page, a new file; by default in the current folder.",
)
@click.option(
    "--list-out",
    metavar="FILE.csv",
    type=PATH,
    help="Where to list everything found, for --remove-list; by default next to the page.",
)
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
    list_out: Path | None,
    labels_out: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Check images for duplicates, leakage and wrong labels.

    SOURCE is a name or a path; see `clearsight data list`. Everything found is listed in a CSV
    file that marks images to leave out: `clearsight train SOURCE --remove-list FILE`.
    """
    _check_usage(quick, out, list_out, labels_out)
    console = console_for(as_json)
    from clearsight.data.decoding.workers import DECODING
    from clearsight.data.sources.load import load_splits
    from clearsight.io.phases import Phases

    options, started = given_source_options(context), started_at(context)
    phases = Phases(console)
    with phases.show("reading the images"):
        splits = load_splits(source, options, phases.counted(DECODING))
    with loading_keras(console) as announce:
        from clearsight.run.data_check.check import check_data

        checked = check_data(
            splits, source, quick=quick, seed=seed, announce=announce, requested_at=started
        )
    from clearsight.run.store.folder import writing_to

    page_here, list_here = free_paths_here(source, "check", ".html", ".csv") or (None, None)
    if out is not None:
        list_here = out.with_suffix(".csv")
    with phases.show("writing the page and the list"), writing_to(out, list_out, labels_out):
        found = _write_list(checked, options, list_out, list_here)
        page = _write_page(checked, out, page_here, found)
        if labels_out is not None:
            checked.write_labels(labels_out)
    if as_json:
        files = {"page": page, "list": found.path, "labels": labels_out}
        paths = {name: None if path is None else str(path) for name, path in files.items()}
        print_json({**checked.to_json(), **paths, "remedy": found.command})
        return
    _show(checked, found, console)
    if page is not None:
        console.print(f"page:   {page}")
    if labels_out is not None:
        from clearsight.data.labels.corrections import CORRECTED

        console.print(f"labels: {labels_out}")
        console.print(
            f"Write the right classes into its column '{CORRECTED}', then train with: "
            f"--corrections {shlex.quote(str(labels_out))}"
        )


@dataclass(frozen=True)
class _FoundList:
    """The CSV file that lists everything that was found.

    Attributes:
        path: the file, or None if none was written.
        num_marked: how many images it marks to be left out.
        command: that trains without them, or None if there are none.
    """

    path: Path | None = None
    num_marked: int = 0
    command: str | None = None


def _check_usage(
    quick: bool, out: Path | None, list_out: Path | None, labels_out: Path | None
) -> None:
    if quick and labels_out is not None:
        raise RequestError(
            "--labels-out needs the network that --quick leaves out: drop one of the two."
        )
    check_new_file(out, "--out", ".html")
    next_to_page = None if out is None else out.with_suffix(".csv")
    check_new_file(list_out or next_to_page, "--list-out", ".csv")
    check_new_file(labels_out, "--labels-out", ".csv")


def _write_list(
    checked: DataCheck, options: SourceOptions, list_out: Path | None, here: Path | None
) -> _FoundList:
    """List what was found, and before that what --remove-list left out already.

    Without --list-out it is written to `here`, if there is something to list.
    """
    from clearsight.data.health.found_list import num_marked
    from clearsight.data.splits.removal import read_removals

    removed = () if options.remove_list is None else read_removals(options.remove_list)
    if removed and checked.splits.train.names is None:
        # The indices of the images that are left are no longer those of the source.
        if list_out is not None:
            raise RequestError(
                f"{checked.source} has images without names, which cannot be listed once some are "
                "left out: use --list-out without --remove-list."
            )
        return _FoundList()
    path = list_out or (here if checked.findings or removed else None)
    if path is None:
        return _FoundList()
    checked.write_list(path, removed)
    count = num_marked(checked.findings)
    if not count:
        return _FoundList(path)
    words = options.model_copy(update={"remove_list": path}).command_words
    return _FoundList(path, count, shlex.join(["clearsight", "train", checked.source, *words]))


def _write_page(
    checked: DataCheck, out: Path | None, here: Path | None, found: _FoundList
) -> Path | None:
    """Write the page. If an extra is missing, print that instead, unless --out was given."""
    page = out or here
    if page is None:
        console_for(as_json=True).print(
            "No page was written, because it would lie among the images: choose a file elsewhere "
            "with --out, and one for the list with --list-out."
        )
        return None
    try:
        checked.write_page(page, str(found.path or ""), found.command)
    except MissingExtraError as error:
        if out is not None:
            raise
        console_for(as_json=True).print(f"No page was written. {error}")
        return None
    return page


def _show(checked: DataCheck, found: _FoundList, console: TextConsole) -> None:
    show_parts(checked.splits, console)
    show_notes(checked.splits, console)
    console.print(f"{checked.source} was checked in {checked.seconds:.1f} s.")
    for finding in checked.findings:
        count = f"{finding.count:,} of {finding.total:,}"
        console.print()
        sentences = (f"{finding.message}.", finding.advice, *_case_lines(finding, found))
        rows = [
            (f"{finding.severity:<7}", f"{finding.title}: {count}"),
            *(("", each) for each in sentences),
        ]
        print_table(TextTable(rows, ("", ""), 2, last_is_text=True), console)
    if not checked.findings:
        console.print("No problems were found.")
    console.print()
    for sentence in checked.skipped_checks:
        console.print(f"Not done: {sentence}")
    if found.command is not None:
        console.print(
            f"To train without the {found.num_marked:,} images that the list marks in its column "
            "'remove':"
        )
        console.print(f"  {found.command}")
    if found.path is not None:
        console.print(f"list:   {found.path}")


def _case_lines(finding: Finding, found: _FoundList) -> Iterator[str]:
    """Yield lines with the first cases of a finding, and how many more there are."""
    for case in finding.cases[:_MAX_CASES]:
        names = ", ".join(f"{image.part}: {image.name}" for image in case.images)
        yield f"- {names} ({case.caption})"
    more = len(finding.cases) - _MAX_CASES
    if more > 0:
        yield f"- and {more:,} more{'' if found.path is None else f', all listed in {found.path}'}"
