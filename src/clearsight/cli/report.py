"""``clearsight report``: write a run's report."""

from pathlib import Path

import click

from clearsight.cli.arguments import RUN
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import allow_download_option, console_for, json_option, print_json


@click.command()
@click.argument("run", type=RUN)
@allow_download_option
@json_option
def report(run: Path, allow_download: bool, as_json: bool) -> None:
    """Write a run's report, one HTML page that opens offline.

    RUN/report.html shows the results of the run's evaluation; writing it is no further use of the
    test set.
    """
    console = console_for(as_json)
    with loading_keras(console):
        from clearsight.run.report.report import write_report
        from clearsight.run.store.folder import RunFolder
        from clearsight.run.store.run import Run

    with RunFolder.existing(run).writing():
        path = write_report(Run.load(run, allow_download=allow_download))
    if as_json:
        print_json({"run": str(run), "report": str(path), "size_bytes": path.stat().st_size})
    else:
        console.print(f"report: {path}")
