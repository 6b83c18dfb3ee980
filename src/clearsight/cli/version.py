"""``clearsight version``: the versions that matter to a question or a bug report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import click

import clearsight
from clearsight.cli.examples import examples
from clearsight.cli.output import json_option, print_json

_LIBRARIES = ("keras", "torch", "numpy")


@click.command(epilog=examples("version"))
@json_option
def version(as_json: bool) -> None:
    """Show the versions of clearsight, Python and Keras."""
    found = {"clearsight": clearsight.__version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:  # a bundle predicts without Keras and torch
            found[name] = "not installed"
    if as_json:
        print_json(found)
        return
    for name, number in found.items():
        click.echo(f"{name} {number}")
