"""Reading files out of a Debian package with apt, without root and without installing it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from clearsight.data.formats.idx import read_content
from clearsight.errors import DataError
from clearsight.io.command import run_command


def read_files(package: str, members: dict[str, str]) -> list[tuple[str, bytes]]:
    """Fetch `package` and return the decompressed content of some of its files.

    apt gets lists and archives of its own in a temporary folder, so that neither root nor an
    earlier ``apt-get update`` is needed and nothing of the system's changes.

    Args:
        package: the Debian package's name.
        members: a key for each file wanted, and its path inside the package.

    Raises:
        DataError: when apt is not there, or cannot fetch or unpack the package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DataError("apt is not on this machine")
    print(f"fetching Debian's package {package} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        apt = [
            "apt-get",
            "-qq",
            f"-oDir::State::Lists={folder}/lists",
            f"-oDir::Cache={folder}/cache",
            "-oAPT::Sandbox::User=",  # the folder belongs to this user, not to _apt
        ]
        run_command([*apt, "update"], folder)
        run_command([*apt, "download", package], folder)
        (archive,) = folder.glob(f"{package}_*.deb")
        run_command(["dpkg-deb", "--extract", str(archive), str(folder / "content")], folder)
        return [(key, read_content(folder / "content" / path)) for key, path in members.items()]
