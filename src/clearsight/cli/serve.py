"""``clearsight serve``: answer over HTTP with bundles."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def serve(
    bundles: Annotated[
        list[str],
        typer.Argument(
            metavar="BUNDLE...",
            help="Bundles that `clearsight export` made, or runs that have one; NAME=PATH names "
            "one otherwise.",
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CLEARSIGHT_TOKEN",
            show_envvar=True,
            help="What a request must bring in `Authorization: Bearer`. Better set in the "
            "environment, where other users cannot read it.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name by which the server may be called; may be repeated; * for any.",
        ),
    ] = None,
    max_batch: Annotated[
        int, typer.Option(min=1, help="Images that go through the network at once, at most.")
    ] = 64,
    max_wait_ms: Annotated[
        float,
        typer.Option(min=0, help="How long an image waits for others on their way, at most."),
    ] = 2.0,
    max_queue: Annotated[
        int, typer.Option(min=1, help="Images that wait, at most; then 503. Of each bundle.")
    ] = 512,
    max_images: Annotated[int, typer.Option(min=1, help="Images of one request.")] = 128,
    deadline_seconds: Annotated[
        float, typer.Option(help="From a request's end to its answer, at most; then 504.")
    ] = 10.0,
    receive_seconds: Annotated[
        float, typer.Option(help="For a header to come, and for a body, at most; then 408.")
    ] = 20.0,
    max_body_mb: Annotated[
        float, typer.Option(help="Mebibytes of a request's body, at most; then 413.")
    ] = 20.0,
    max_connections: Annotated[int, typer.Option(min=1, help="Open at once, at most.")] = 1_000,
    drain_seconds: Annotated[
        float,
        typer.Option(min=0, help="How long to go on accepting after SIGTERM, with /readyz 503."),
    ] = 1.0,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Processor threads of a network; by default all cores but one."),
    ] = None,
) -> None:
    """Answer over HTTP with bundles: name images for programs and on a page.

    SIGTERM or Ctrl-C ends it once all that was asked is answered. A bundle that is replaced on disk
    is taken up without a break.
    """
    from clearsight.errors import MissingExtraError

    try:
        from clearsight.serving.server import serve as serve_until_signal
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "clearsight":
            raise
        raise MissingExtraError("Serving", "serve") from error
    from clearsight.serving.settings import ServerSettings
    from clearsight.serving.shelf import opened_offers

    settings = ServerSettings(
        host, port, max_batch, max_wait_ms, max_queue, max_images, deadline_seconds,
        receive_seconds, max_body_mb, max_connections, drain_seconds, threads, token,
        tuple(allow_host or ()),
    )  # fmt: skip
    offers = opened_offers(bundles, settings.network_threads)

    def say(address: str) -> None:
        named = ", ".join(offer.name for offer in offers)
        print(f"Serving {named} on {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)

    serve_until_signal(settings, offers, say)
