"""The limit of open files: raised as far as this user may, and what it leaves for connections."""

import logging
from contextlib import suppress
from pathlib import Path

from clearsight.errors import RequestError

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None

# For reading a bundle again, and for threads that read image files.
_RESERVED = 16
_USED_IF_UNKNOWN = 32
_log = logging.getLogger(__name__)


def limit_connections(wanted: int, spare: int) -> int:
    """Raise the limit of open files, and return how many connections it allows.

    Args:
        wanted: connections to have at most.
        spare: how many more may be open for a moment.

    Raises:
        RequestError: if not even one connection can be open.
    """
    if resource is None:
        return wanted
    limit = _raise_limit()
    allowed = limit - _num_open_files() - _RESERVED - spare
    if allowed < 1:
        raise RequestError(
            f"The server should be allowed to open {limit - allowed + 1:,} files or more, but may "
            f"open {limit:,}: raise the limit with `ulimit -n`."
        )
    if allowed < wanted:
        _log.warning(
            "At most %d connections can be open at once instead of %d, because this process may "
            "open %d files: `ulimit -n` raises that.",
            allowed,
            wanted,
            limit,
        )
    return min(wanted, allowed)


def _raise_limit() -> int:
    """Raise this process's limit as far as the system allows, and return it."""
    assert resource is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS refuses an infinite one
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft if soft != resource.RLIM_INFINITY else 2**31


def _num_open_files() -> int:
    for folder in (Path("/proc/self/fd"), Path("/dev/fd")):
        with suppress(OSError):
            return sum(1 for _ in folder.iterdir())
    return _USED_IF_UNKNOWN
