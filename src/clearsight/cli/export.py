"""``clearsight export``: write a run's bundle, check one, or turn one into a web page."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.arguments import RUN, OneOf
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    OUTPUT_PATH,
    PATH,
    allow_download_option,
    console_for,
    json_option,
    print_json,
)
from clearsight.errors import RequestError

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole

_PORT = 8000
_FORMATS = ("onnx", "keras", "openvino", "litert")  # whose table loads numpy

Shown = tuple[dict[str, Any], list[str]]  # what is printed: as JSON, or line by line


@click.command(
    epilog=examples(
        "export latest --out classifier.zip", "export classifier.zip --check", "export latest --web"
    )
)
@click.argument("path", metavar="RUN|BUNDLE", type=RUN)
@click.option(
    "--out",
    metavar="FOLDER|FILE.zip",
    type=OUTPUT_PATH,
    help="Where to write it; by default RUN/bundle, or NAME-web in the current folder.",
)
@click.option(
    "--format",
    metavar="|".join(_FORMATS),
    type=OneOf(_FORMATS),
    default="onnx",
    help="Model file format.",
)
@click.option(
    "--int8", is_flag=True, help="Quantize to 8-bit integers, and report the loss of accuracy."
)
@click.option(
    "--allow-loss", is_flag=True, help="With --int8: accept a loss of more than one point."
)
@click.option(
    "--check", is_flag=True, help="Write nothing; check that a bundle predicts as exported."
)
@click.option(
    "--web", is_flag=True, help="Write a web page that predicts in the browser; a new folder."
)
@click.option(
    "--runtime-from",
    metavar="FOLDER|FILE.tgz",
    type=PATH,
    help="With --web: npm's package onnxruntime-web, instead of downloading it.",
)
@allow_download_option
@json_option
def export(
    path: Path,
    out: Path | None,
    format: str,
    int8: bool,
    allow_loss: bool,
    check: bool,
    web: bool,
    runtime_from: Path | None,
    allow_download: bool,
    as_json: bool,
) -> None:
    """Export a run as a bundle, one small folder.

    A bundle predicts without Keras or torch. It holds the network, class names, how to prepare
    images, and 64 images: it is only written if it predicts them as the trained network does.
    With --check or --web, the path may be a bundle.
    """
    from clearsight.io.phases import Phases

    console, precision = console_for(as_json), "int8" if int8 else "float32"
    given = {
        "--out": out is not None,
        "--format": format != "onnx",
        "--allow-loss": allow_loss,
        "--check": check,
    }
    if web:
        _refuse("--web uses an existing bundle", given, "--format", "--check", "--allow-loss")
        bundle = _find_or_export(path, precision, console, allow_download=allow_download)
        with Phases(console).show("writing the page"):
            values, lines = _export_page(bundle, out or _page_folder(path), runtime_from)
    elif runtime_from is not None:
        raise RequestError("--runtime-from is for --web: add that, or leave it out.")
    elif check:
        _refuse("--check writes nothing", given, "--out", "--allow-loss")
        with Phases(console).show("checking what the bundle predicts"):
            values, lines = _check(path, format, precision)
    else:
        if allow_loss and not int8:
            raise RequestError("--allow-loss is for --int8: add that, or leave it out.")
        if int8 and format != "onnx":
            raise RequestError(
                f"--int8 is for the format onnx, but --format {format} was given: leave one out."
            )
        _check_request(path, out, format)
        with loading_keras(console) as announce:
            announce("writing the bundle and checking what it predicts")
            values, lines = (
                _export(path, out, format, allow_download=allow_download)
                if not int8
                else _export_int8(path, out, allow_loss=allow_loss, allow_download=allow_download)
            )
    if as_json:
        print_json(values)
    else:
        for line in lines:
            console.print(line, soft_wrap=line.startswith(" "))  # a command stays one line


def _refuse(reason: str, given: dict[str, bool], *names: str) -> None:
    """Refuse options that have no meaning with another one."""
    found = [name for name in names if given[name]]
    if found:
        raise RequestError(f"{reason}, so that {', '.join(found)} has no effect: leave it out.")


def _check_request(path: Path, to: Path | None, format: str) -> None:
    """Check the paths and the format before Keras is loaded."""
    from clearsight.bundle.files import is_bundle
    from clearsight.bundle.formats.table import find_format
    from clearsight.bundle.write import check_bundle_path
    from clearsight.run.store.folder import RunFolder

    find_format(format, "a bundle")
    if to is not None:
        check_bundle_path(to)
    if is_bundle(path):
        raise RequestError(
            f"A run should be exported, but {path} is a bundle already: add --check to check it, "
            "or give the run's folder."
        )
    RunFolder.existing(path)


def _check(path: Path, format: str, precision: str) -> Shown:
    from clearsight.bundle.bundle import load
    from clearsight.bundle.files import find_bundle
    from clearsight.bundle.parity import check_parity

    bundle = load(find_bundle(path, format, precision))
    result = check_parity(bundle)
    values = {"bundle": str(bundle.path), "checked": True, **asdict(result)}
    return values, [f"{bundle.path}: {result.sentence}"]


def _export(path: Path, to: Path | None, format: str, *, allow_download: bool) -> Shown:
    from clearsight.bundle.files import bundle_path
    from clearsight.run.export.bundle import export_run
    from clearsight.run.store.folder import writing_to
    from clearsight.run.store.run import Run

    target = to or bundle_path(path, format)
    is_replaced = target.exists()
    with writing_to(target):
        run = Run.load(path, allow_download=allow_download)
        bundle, result = export_run(run, to, model_format=format)
    values = {"run": str(path), "bundle": str(bundle), "replaced": is_replaced, **asdict(result)}
    return values, [result.sentence, _bundle_line(bundle, is_replaced)]


def _export_int8(path: Path, to: Path | None, *, allow_loss: bool, allow_download: bool) -> Shown:
    from clearsight.bundle.files import bundle_path
    from clearsight.run.export.int8 import export_int8
    from clearsight.run.store.folder import writing_to
    from clearsight.run.store.run import Run

    target = to or bundle_path(path, precision="int8")
    is_replaced = target.exists()
    with writing_to(target):
        run = Run.load(path, allow_download=allow_download)
        exported = export_int8(run, to, allow_loss=allow_loss)
    interval = exported.comparison.interval
    values = {
        "run": str(path),
        "bundle": str(exported.path),
        "replaced": is_replaced,
        **asdict(exported.parity),
        "accuracy_change": exported.comparison.difference,
        "accuracy_change_interval": [interval.low, interval.high],
        "num_validation_images": exported.comparison.num_images,
        "speedup": asdict(exported.speedup),
    }
    return values, [exported.sentence, _bundle_line(exported.path, is_replaced)]


def _bundle_line(path: Path, is_replaced: bool) -> str:
    return f"bundle: {path}" + (" (in place of the one that was there)" if is_replaced else "")


def _export_page(bundle: Path, folder: Path, runtime_from: Path | None) -> Shown:
    """Write a bundle as a web page, and return how to open it."""
    from clearsight.bundle.web.web_page import write_web_page
    from clearsight.run.store.folder import writing_to

    with writing_to(folder):
        size_bytes = write_web_page(bundle, folder, runtime_from)
    python = "python" if os.name == "nt" else "python3"
    serve = shlex.join(
        [python, "-m", "http.server", "--directory", str(folder), "--bind", "127.0.0.1", str(_PORT)]
    )
    url = f"http://127.0.0.1:{_PORT}/"
    written = {"bundle": str(bundle), "page": str(folder), "size_bytes": size_bytes}
    return {**written, "serve": serve, "url": url}, [
        f"page: {folder} ({size_bytes / 1e6:.1f} MB)",
        "Any web server can serve it. On this machine, run",
        f"  {serve}",
        f"and open {url}",
    ]


def _page_folder(path: Path) -> Path:
    """Return where the web page of a run or a bundle is written by default."""
    path = path.resolve()
    return Path(f"{path.stem if path.is_file() else path.name}-web")


def _find_or_export(
    path: Path, precision: str, console: TextConsole, *, allow_download: bool
) -> Path:
    """Find a bundle; export a run's float32 bundle if it has none."""
    from clearsight.bundle.files import bundle_path, find_bundle, is_bundle
    from clearsight.run.store.location import is_run

    exists = is_bundle(path) or is_bundle(bundle_path(path, precision=precision))
    if exists or precision != "float32" or not is_run(path):
        return find_bundle(path, precision=precision)
    with loading_keras(console) as announce:
        announce("writing the bundle and checking what it predicts")
        values, _ = _export(path, None, "onnx", allow_download=allow_download)
    return Path(values["bundle"])
