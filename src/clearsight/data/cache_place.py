"""Where what was worked out once is kept for the next time."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_place(kind: str) -> Path:
    """Return the folder for things of one kind: in ``$CLEARSIGHT_CACHE`` or the user's cache."""
    named = os.environ.get("CLEARSIGHT_CACHE")
    return (Path(named) if named else platformdirs.user_cache_path("clearsight")) / kind
