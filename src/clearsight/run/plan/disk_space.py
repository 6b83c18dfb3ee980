"""Is there room on the disk for what a run will write? Asked before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path

from clearsight.errors import OutputError
from clearsight.models.backend import keras
from clearsight.training.checkpoint.checkpoint import checkpoint_files, checkpoint_size_bytes
from clearsight.training.checkpoint.snapshot import snapshot

# The last two, the best, and one that is being written beside them.
_NUM_CHECKPOINTS = 4
# ``model.keras`` beside its older self, and for the small files a megabyte.
_NUM_MODELS, _OTHER_BYTES = 2, 1 << 20


def check_room(path: Path, model: keras.Model) -> None:
    """Make sure that the disk holds a run's checkpoints and network.

    Args:
        path: the run's folder, which need not exist yet.
        model: compiled.

    Raises:
        OutputError: when it does not.
    """
    each = checkpoint_size_bytes(snapshot(model, "model", "optimizer"))
    present = sum(file.path.stat().st_size for file in checkpoint_files(path / "checkpoints"))
    needed = max((_NUM_CHECKPOINTS + _NUM_MODELS) * each + _OTHER_BYTES - present, each)
    place = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise OutputError(
            f"A run of this network needs about {needed / 1e6:,.0f} MB on the disk for its "
            f"checkpoints, but {place} has {free / 1e6:,.0f} MB left: make room, or name a folder "
            "on another disk with --out."
        )
