"""ONNX Runtime Web, which runs a network in a browser: cached, downloaded, or given by the user.

It is 14 MB and does not depend on the run, so it is not part of this package: the first page
downloads npm's package and caches the two files that a page needs.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import tarfile
import zlib
from pathlib import Path

from clearsight.errors import BundleError, DataError
from clearsight.io.cache_folder import cache_folder, save_to_cache
from clearsight.io.download import download
from clearsight.io.regular_file import read_regular
from clearsight.io.scratch import scratch_folder

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# The smallest part of it that runs a network: WebAssembly alone, without WebGL, WebGPU and WebNN.
SHA256 = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",  # noqa: E501
}
PUBLIC_REGISTRY = "https://registry.npmjs.org/"
_NPM_TIMEOUT_SECONDS = 30
# No server or file can fill the disk or the memory.
_MAX_PACKAGE_BYTES, _MAX_FILE_BYTES = 500_000_000, 100_000_000

_log = logging.getLogger(__name__)
_FOLDERS = ("", "dist", "package/dist", f"node_modules/{PACKAGE}/dist")


def load_web_runtime(runtime_from: Path | None = None) -> dict[str, bytes]:
    """Return the content of ONNX Runtime Web's files, by name.

    Args:
        runtime_from: npm's package, or a folder with its files; None takes them from the cache or
            downloads them.

    Raises:
        BundleError: if they cannot be found or downloaded, or differ from the published ones.
    """
    if runtime_from is not None:
        try:
            return _read_path(runtime_from)
        except DataError as error:
            raise BundleError(
                f"--runtime-from should be npm's package {PACKAGE} {VERSION} or a folder with its "
                f"files, but {runtime_from} {error}: create it with `npm pack {PACKAGE}@{VERSION}`."
            ) from error
    cache = cache_folder(f"{PACKAGE}-{VERSION}")
    problems = []
    try:
        return _read_folder(cache)
    except DataError as error:
        problems.append(f"the cache {cache} {error}")
        if cache.exists():
            _log.warning("The cache %s %s: it is replaced.", cache, error)
    for registry in dict.fromkeys((_npm_registry(), PUBLIC_REGISTRY)):
        url = f"{registry.rstrip('/')}/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
        try:
            with scratch_folder() as folder:
                contents = _read_package(download(url, folder, _MAX_PACKAGE_BYTES))
        except DataError as error:
            problems.append(f"{url} ({error})")
        else:
            save_to_cache(contents, cache, PACKAGE)
            return contents
    raise BundleError(
        f"A page needs ONNX Runtime Web {VERSION}, but it was not found: {'; '.join(problems)}. "
        f"Connect to the internet once, or create the package elsewhere with `npm pack "
        f"{PACKAGE}@{VERSION}` and pass the file with --runtime-from."
    )


def _npm_registry() -> str:
    """Return the registry that npm is configured for, which may be a mirror."""
    npm = shutil.which("npm")
    if npm is None:
        return PUBLIC_REGISTRY
    try:
        found = subprocess.run(
            [npm, "config", "get", "registry", "--logs-max=0"],  # else npm writes a log file
            capture_output=True,
            text=True,
            timeout=_NPM_TIMEOUT_SECONDS,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return PUBLIC_REGISTRY
    return found if found.startswith(("http://", "https://")) else PUBLIC_REGISTRY


def _read_path(path: Path) -> dict[str, bytes]:
    if not os.path.lexists(path):
        raise DataError("does not exist")
    return _read_folder(path) if path.is_dir() else _read_package(path)


def _read_folder(folder: Path) -> dict[str, bytes]:
    for inner in _FOLDERS:
        if all((folder / inner / name).is_file() for name in SHA256):
            try:
                return _check(
                    {name: read_regular(folder / inner / name, _MAX_FILE_BYTES) for name in SHA256}
                )
            except OSError as error:
                raise DataError(f"cannot be read: {error.strerror or error}") from error
    raise DataError(f"does not contain {' and '.join(SHA256)}")


def _read_package(path: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(path) as archive:
            members = {name: archive.extractfile(f"package/dist/{name}") for name in SHA256}
            return _check(
                {
                    name: file.read(_MAX_FILE_BYTES)
                    for name, file in members.items()
                    if file is not None
                }
            )
    except (OSError, EOFError, KeyError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"cannot be read as npm's package: {error}") from error


def _check(contents: dict[str, bytes]) -> dict[str, bytes]:
    for name, sha256 in SHA256.items():
        if hashlib.sha256(contents.get(name, b"")).hexdigest() != sha256:
            raise DataError(f"contains a {name} that differs from the published one")
    return contents
