"""Checking before a run begins that the disk has space for what it will write."""

import shutil
from pathlib import Path

from clearsight.errors import OutputError
from clearsight.models.backend import keras
from clearsight.option_names import option
from clearsight.training.checkpoint.checkpoint import checkpoint_files, checkpoint_size_bytes
from clearsight.training.checkpoint.snapshot import snapshot

_NUM_CHECKPOINTS = 4  # the last two, the best, and one that is being written
# ``model.keras`` and its previous version, and a megabyte for the small files.
_NUM_MODELS, _OTHER_BYTES = 2, 1 << 20


def check_disk_space(path: Path, model: keras.Model) -> None:
    """Check that the disk has space for a run's checkpoints and compiled network.

    Raises:
        OutputError: when it does not.
    """
    each = checkpoint_size_bytes(snapshot(model, "model", "optimizer"))
    present = sum(file.path.stat().st_size for file in checkpoint_files(path / "checkpoints"))
    needed = max((_NUM_CHECKPOINTS + _NUM_MODELS) * each + _OTHER_BYTES - present, each)
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"A run of this network needs about {needed / 1e6:,.0f} MB of disk space for its "
            f"checkpoints, but {folder} has {free / 1e6:,.0f} MB left: free some, or choose a "
            f"folder on another disk with {option('out')}."
        )
