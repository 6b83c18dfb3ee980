"""``clearsight serve``: an HTTP server for bundles."""

import logging
import os
import sys

import click

from clearsight.cli.arguments import BUNDLE
from clearsight.cli.examples import examples
from clearsight.cli.output import console_for, print_message
from clearsight.cli.request_options import RequestCommand, given_options
from clearsight.errors import needs_extra


@click.command(
    cls=RequestCommand,
    requests=("clearsight.serving.settings:ServerSettings",),
    epilog=examples("serve latest"),
)
@click.argument("bundles", metavar="BUNDLE...", type=BUNDLE, nargs=-1, required=True)
@click.option(
    "--token",
    envvar="CLEARSIGHT_TOKEN",
    show_envvar=True,
    help="Token that requests must have in `Authorization: Bearer`. Other users of this machine "
    "cannot read it if it is set in the environment.",
)
@click.option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="Another name of the server, * for any; may be repeated.",
)
@click.pass_context
def serve(
    context: click.Context, bundles: tuple[str, ...], token: str | None, allow_host: tuple[str, ...]
) -> None:
    """Serve bundles over HTTP, with a web page.

    Each BUNDLE is written by `clearsight export`, or is a run that has one; NAME=PATH sets its
    name in the addresses.

    SIGTERM or Ctrl-C stops the server after all pending requests are answered. A bundle that
    changes on disk is reloaded without interruption.
    """
    with needs_extra("Serving", "serve"):
        from clearsight.serving.server import serve as serve_until_signal
    from clearsight.io.phases import Phases
    from clearsight.serving.named_bundle import open_named_bundles
    from clearsight.serving.settings import server_settings

    settings = server_settings(token=token, allowed_hosts=allow_host, **given_options(context))
    with Phases(console_for(as_json=True)).show("opening the bundles"):
        named_bundles = open_named_bundles(bundles, settings.network_threads)

    def print_address(address: str) -> None:
        names = ", ".join(bundle.name for bundle in named_bundles)
        print_message(f"Serving {names} on {address} (Ctrl-C stops it)")
        sys.stderr.flush()

    exit_code = serve_until_signal(settings, named_bundles, print_address)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not waiting for threads: what they decode or compute is not needed any more, and a network may
    # never end.
    os._exit(exit_code)
