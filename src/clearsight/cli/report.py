"""``clearsight report``: write a run's report."""

from pathlib import Path

import click

from clearsight.cli.arguments import RUN
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    PATH,
    allow_download_option,
    check_new_file,
    console_for,
    json_option,
    print_json,
)


@click.command(epilog=examples("report latest --out report.html"))
@click.argument("run", type=RUN)
@click.option(
    "--out",
    metavar="FILE.html",
    type=PATH,
    help="Where to write the page, a new file; by default RUN/report.html.",
)
@allow_download_option
@json_option
def report(run: Path, out: Path | None, allow_download: bool, as_json: bool) -> None:
    """Write a run's report, one HTML page that opens offline.

    It shows the results of the run's evaluation; writing it is no further use of the test set.
    """
    check_new_file(out, "--out", ".html")
    console = console_for(as_json)
    with loading_keras(console) as announce:
        from clearsight.run.report.report import write_report
        from clearsight.run.store.folder import RunFolder, writing_to
        from clearsight.run.store.run import Run

        announce("writing the report")
        folder = RunFolder.existing(run)
        with folder.writing() if out is None else writing_to(out):
            path = write_report(Run.load(run, allow_download=allow_download), path=out)
    if as_json:
        print_json({"run": str(run), "report": str(path), "size_bytes": path.stat().st_size})
    else:
        console.print(f"report: {path}")
