"""``clearsight export``: make a run's bundle, or check one."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.cli.web_page import export_page
from clearsight.errors import RequestError

if TYPE_CHECKING:
    from rich.console import Console

    from clearsight.bundle.bundle import Bundle


class Format(StrEnum):
    """Which model file a bundle holds."""

    onnx = "onnx"
    keras = "keras"
    openvino = "openvino"
    litert = "litert"
    pt2 = "pt2"


def export(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|BUNDLE", help="A run's folder, or a bundle for --check or --to-web."
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|FILE.zip", help="Where the bundle goes; by default RUN/bundle."
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Which model file it holds.")] = Format.onnx,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Compute in 8-bit integers; says what that costs in accuracy."),
    ] = False,
    allow_loss: Annotated[
        bool,
        typer.Option("--allow-loss", help="With --int8: take a loss of more than a point."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; replay a bundle's images and compare."),
    ] = False,
    to_web: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Make a page of the bundle: it names images in a browser."
        ),
    ] = None,
    runtime_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|FILE.tgz",
            help="With --to-web: npm's package onnxruntime-web, instead of fetching it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a run's bundle: one small folder that predicts without Keras or torch.

    It holds the network, class names, how images are prepared, and images that are replayed
    before it is put in its place: it gives what the trained network gives, or is not there.
    """
    console = console_for(as_json)
    precision = "int8" if int8 else "float32"
    if to_web is not None:
        others = {"--to": to is not None, "--format": format is not Format.onnx}
        others |= {"--check": check, "--allow-loss": allow_loss}
        _refuse_beside(
            "--to-web makes a page of the bundle that is there, so that nothing about a bundle",
            others,
        )
        export_page(path, to_web, runtime_from, precision, None if as_json else console)
        return
    if runtime_from is not None:
        raise RequestError("--runtime-from should stand with --to-web: leave it out.")
    if check:
        others = {"--to": to is not None, "--allow-loss": allow_loss}
        _refuse_beside("--check writes nothing, so that nothing else", others)
        bundle, result = _checked(path, format.value, precision)
        values = {"bundle": str(bundle.path), "checked": True, **_as_json(result)}
        if as_json:
            print_json(values)
        else:
            console.print(f"{bundle.path}: {result.sentence}")
        return
    if allow_loss and not int8:
        raise RequestError("--allow-loss should stand with --int8: leave it out.")
    if int8 and format is not Format.onnx:
        raise RequestError(
            f"--int8 is for the format onnx, but --format {format.value} was given: leave one out."
        )
    _check_request(path, to)
    if int8:
        values, sentence = _exported_int8(path, to, allow_loss, console)
    else:
        values, sentence = _exported(path, to, format.value, console)
    if as_json:
        print_json({"run": str(path), **values})
        return
    console.print(sentence)
    console.print(f"bundle: {values['bundle']}")


def _check_request(path: Path, to: Path | None) -> None:
    """Look at both paths before Keras is loaded."""
    from clearsight.bundle.files import is_bundle
    from clearsight.bundle.write import check_bundle_path

    if to is not None:
        check_bundle_path(to)
    if is_bundle(path):
        raise RequestError(
            f"A bundle should be made of a run, but {path} is a bundle already: add --check to "
            "replay its images, or name the run."
        )
    if not os.path.isfile(path / "run.json"):
        what = "has no run.json" if os.path.isdir(path) else "does not exist"
        raise RequestError(
            f"A run should be a folder that `clearsight train` made, but {path} {what}."
        )


def _exported(
    path: Path, to: Path | None, kind: str, console: Console
) -> tuple[dict[str, Any], str]:
    with loading_keras(console):
        from clearsight.run.export.bundle import export_run
        from clearsight.run.store.run import Run

        place, result = export_run(Run.load(path), to, model_format=kind)
    return {"bundle": str(place), **_as_json(result)}, result.sentence


def _exported_int8(
    path: Path, to: Path | None, allow_loss: bool, console: Console
) -> tuple[dict[str, Any], str]:
    with loading_keras(console):
        from clearsight.run.export.int8 import export_int8
        from clearsight.run.store.run import Run

        made = export_int8(Run.load(path), to, allow_loss=allow_loss)
    interval = made.comparison.interval
    values = {
        "bundle": str(made.path),
        **_as_json(made.parity),
        "accuracy_change": made.comparison.difference,
        "accuracy_change_interval": [interval.low, interval.high],
        "num_validation_images": made.comparison.num_images,
        "speedup": _as_json(made.speedup),
    }
    return values, made.sentence


def _refuse_beside(why: str, others: dict[str, bool]) -> None:
    """Refuse options that have no meaning beside another; `others` says which were given."""
    named = [name for name, is_given in others.items() if is_given]
    if named:
        raise RequestError(
            f"{why} may be asked for beside it, but {', '.join(named)} was given: leave it out."
        )


def _checked(path: Path, kind: str, precision: str) -> tuple[Bundle, Any]:
    from clearsight.bundle.bundle import load
    from clearsight.bundle.files import find_bundle
    from clearsight.bundle.parity import check_parity

    bundle = load(find_bundle(path, kind, precision))
    return bundle, check_parity(bundle)


def _as_json(result: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(result)
