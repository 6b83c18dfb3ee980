"""``clearsight serve``: an HTTP server for bundles."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def serve(
    bundles: Annotated[
        list[str],
        typer.Argument(
            metavar="BUNDLE...",
            help="Bundles from `clearsight export`, or runs that have one; NAME=PATH sets a name.",
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 for any free port.")] = 8000,
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
    max_batch: Annotated[int, typer.Option(min=1, help="Images per batch of the network.")] = 64,
    max_wait_ms: Annotated[
        float, typer.Option(min=0, help="How long an image waits for others being decoded.")
    ] = 2.0,
    max_queue: Annotated[
        int, typer.Option(min=1, help="Queued images per bundle; more get 503.")
    ] = 512,
    max_images: Annotated[int, typer.Option(min=1, help="Images per request.")] = 128,
    deadline_seconds: Annotated[
        float, typer.Option(help="From a request's last byte to its response; then 504.")
    ] = 10.0,
    receive_seconds: Annotated[
        float, typer.Option(help="For a header to arrive, and for a body; then 408.")
    ] = 20.0,
    max_body_mb: Annotated[
        float, typer.Option(help="Mebibytes of a request's body; more gets 413.")
    ] = 20.0,
    max_connections: Annotated[int, typer.Option(min=1, help="Connections open at once.")] = 1_000,
    drain_seconds: Annotated[
        float, typer.Option(min=0, help="Seconds of accepting requests after SIGTERM.")
    ] = 1.0,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Processor threads of a network; by default all cores but one."),
    ] = None,
) -> None:
    """Serve bundles over HTTP, with a web page.

    SIGTERM or Ctrl-C stops the server after all pending requests are answered. A bundle that
    changes on disk is reloaded without interruption.
    """
    from clearsight.errors import MissingExtraError

    try:
        from clearsight.serving.server import serve as serve_until_signal
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "clearsight":
            raise
        raise MissingExtraError("Serving", "serve") from error
    from clearsight.serving.named_bundle import open_named_bundles
    from clearsight.serving.settings import server_settings

    settings = server_settings(
        host=host,
        port=port,
        max_batch=max_batch,
        max_wait_ms=max_wait_ms,
        max_queue=max_queue,
        max_images=max_images,
        deadline_seconds=deadline_seconds,
        receive_seconds=receive_seconds,
        max_body_mb=max_body_mb,
        max_connections=max_connections,
        drain_seconds=drain_seconds,
        threads=threads,
        token=token,
        allowed_hosts=tuple(allow_host or ()),
    )
    named_bundles = open_named_bundles(bundles, settings.network_threads)

    def print_address(address: str) -> None:
        names = ", ".join(bundle.name for bundle in named_bundles)
        print(f"Serving {names} on {address} (Ctrl-C stops it)", file=sys.stderr, flush=True)

    serve_until_signal(settings, named_bundles, print_address)
