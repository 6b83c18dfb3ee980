"""`NamedBundle`: a bundle with the name that requests use, opened from PATH or NAME=PATH."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.bundle.bundle import Bundle, load
from clearsight.bundle.files import find_bundle
from clearsight.bundle.parity import check_parity
from clearsight.errors import RequestError
from clearsight.run.store.find_run import find_run

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class NamedBundle:
    """A bundle to serve.

    Attributes:
        name: the model's name in requests.
        path: the folder or .zip, which is watched for changes.
        bundle: the open bundle.
    """

    name: str
    path: Path
    bundle: Bundle


def open_named_bundles(arguments: Sequence[str], num_threads: int) -> tuple[NamedBundle, ...]:
    """Open the bundles given on the command line.

    Args:
        arguments: each PATH or NAME=PATH of a bundle, or of a run that has one (also by its name
            or "latest").
        num_threads: processor threads of each network.

    Raises:
        RequestError: if two have the same name, or a name does not fit into a URL.
        BundleError: if one cannot be opened, or does not predict what its network predicted.
    """
    bundles: dict[str, NamedBundle] = {}
    for argument in arguments:
        given_name, separator, path_text = argument.partition("=")
        if not separator or os.path.lexists(argument):  # a path may contain "="
            given_name, path_text = "", argument
        path = find_bundle(find_run(path_text))
        bundle = open_checked_bundle(path, num_threads)
        name = given_name or bundle.spec.name
        if not _NAME.fullmatch(name):
            raise RequestError(
                "A bundle's name should consist of letters, digits, dots, dashes and underscores, "
                f"but is '{name}': set another with NAME={path}."
            )
        if name in bundles:
            raise RequestError(
                f"Bundles should have different names, but {bundles[name].path} and {path} are "
                f"both '{name}': set another with NAME=PATH."
            )
        bundles[name] = NamedBundle(name, path, bundle)
    return tuple(bundles.values())


def open_checked_bundle(path: Path, num_threads: int) -> Bundle:
    """Open a bundle and replay its sample images, which also warms it up.

    Raises:
        BundleError: if it is damaged, or does not predict what its network predicted.
    """
    bundle = load(path, num_threads=num_threads)
    check_parity(bundle)
    return bundle
