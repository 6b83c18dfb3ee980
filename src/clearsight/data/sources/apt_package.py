"""Reading files from a Debian package with apt, without root and without installing it."""

import logging
import shutil
import subprocess
from pathlib import Path

from clearsight.data.formats.compression import read_unpacked
from clearsight.errors import DataError
from clearsight.io.scratch import scratch_folder

_TIMEOUT_SECONDS = 300

_log = logging.getLogger(__name__)


def read_files(package: str, members: dict[str, str]) -> dict[str, bytes]:
    """Download a Debian package and return the decompressed content of some of its files.

    apt uses lists and archives of its own in a temporary folder, so that neither root nor an
    earlier ``apt-get update`` is needed and the system does not change.

    `members` gives, for each key of the result, the file's path in the package.

    Raises:
        DataError: when apt is not installed, or cannot download or unpack the package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DataError("apt is not on this machine")
    _log.info("downloading Debian's package %s ...", package)
    with scratch_folder() as folder:
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        apt = (
            "apt-get",
            "-qq",
            f"-oDir::State::Lists={folder}/lists",
            f"-oDir::Cache={folder}/cache",
            "-oAPT::Sandbox::User=",  # the folder belongs to this user, not to _apt
        )
        _run(folder, *apt, "update")
        _run(folder, *apt, "download", package)
        (archive,) = folder.glob(f"{package}_*.deb")
        _run(folder, "dpkg-deb", "--extract", str(archive), "content")
        return {key: read_unpacked(folder / "content" / path) for key, path in members.items()}


def _run(folder: Path, *command: str) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["no reason given"]
        raise DataError(f"{command[0]} failed ({lines[-1]})") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{command[0]} did not finish ({error})") from error
