"""``clearsight serve``: an HTTP server for bundles."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clearsight.cli.request_options import given_options, takes_options
from clearsight.errors import MissingExtraError

COMMAND = takes_options("clearsight.serving.settings:ServerSettings")


def serve(
    context: typer.Context,
    bundles: Annotated[
        list[str],
        typer.Argument(
            metavar="BUNDLE...",
            help="Bundles from `clearsight export`, or runs that have one; NAME=PATH sets a name.",
        ),
    ],
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CLEARSIGHT_TOKEN",
            show_envvar=True,
            help="Token that requests must have in `Authorization: Bearer`. Other users of this "
            "machine cannot read it if it is set in the environment.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name of the server, * for any; repeatable."),
    ] = None,
) -> None:
    """Serve bundles over HTTP, with a web page.

    SIGTERM or Ctrl-C stops the server after all pending requests are answered. A bundle that
    changes on disk is reloaded without interruption.
    """
    try:
        from clearsight.serving.server import serve as serve_until_signal
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "clearsight":
            raise
        raise MissingExtraError("Serving", "serve") from error
    from clearsight.serving.named_bundle import open_named_bundles
    from clearsight.serving.settings import server_settings

    settings = server_settings(
        token=token, allowed_hosts=tuple(allow_host or ()), **given_options(context)
    )
    named_bundles = open_named_bundles(bundles, settings.network_threads)

    def print_address(address: str) -> None:
        names = ", ".join(bundle.name for bundle in named_bundles)
        print(f"Serving {names} on {address} (Ctrl-C stops it)", file=sys.stderr, flush=True)

    serve_until_signal(settings, named_bundles, print_address)
