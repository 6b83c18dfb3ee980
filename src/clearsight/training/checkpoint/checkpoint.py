"""`Checkpoint`: everything that a training needs to go on from the very batch, and its file.

A checkpoint is one safetensors file. Its name says how far the training was and ends in the file's
SHA-256, so that nothing damaged is ever loaded: what `sha256sum` prints must stand in the name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from clearsight.training.checkpoint.random_state import RandomState, Tensors
from clearsight.training.checkpoint.tensor_file import read_tensors, write_tensors
from clearsight.training.history import Epoch, History

_NAME = re.compile(r"(\d{6,})_epochs-(\d+)_batches-(\d+)_([0-9a-f]{64})\.safetensors")
_UNFINISHED = ".unfinished-"
_FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two batches.

    Attributes:
        number: counted from 1 within a run.
        epochs_done: how many epochs are finished.
        num_batches: how many batches of the next epoch are done.
        history: one row for each finished epoch.
        seconds: that the unfinished epoch has taken so far.
        network: the network's architecture, Keras's JSON.
        identity: what the run depends on: fingerprint of the data, versions, number of threads.
        epoch_start: the random generators before the unfinished epoch's order was drawn.
        now: the random generators at this moment.
        tensors: the variables of model, optimizer and metrics, and the augmentation's parity.
    """

    number: int
    epochs_done: int
    num_batches: int
    history: History
    seconds: float
    network: str
    identity: dict[str, Any]
    epoch_start: RandomState
    now: RandomState
    tensors: Tensors

    @property
    def is_initial(self) -> bool:
        """Whether nothing has been trained yet."""
        return self.epochs_done == 0 and self.num_batches == 0

    def part(self, name: str) -> Tensors:
        """Return the tensors of "model", "optimizer", "metrics" or "batches", by their keys."""
        start = f"{name}."
        return {
            key.removeprefix(start): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(start)
        }

    def write(self, folder: Path) -> Path:
        """Write the file: beside its place, down to the disk, and then under its name.

        Raises:
            OSError: when it cannot be written; nothing is left of it then.
        """
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=folder)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                sha256 = write_tensors(file, self._all_tensors(), self._text())
                file.flush()
                os.fsync(file.fileno())
            path = folder / (
                f"{self.number:06d}_epochs-{self.epochs_done}_batches-{self.num_batches}_{sha256}"
                ".safetensors"
            )
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        sync_folder(folder)
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            OSError: when it cannot be read.
            ValueError: when it is damaged.
        """
        name = _NAME.fullmatch(path.name)
        data = path.read_bytes()
        if name is None or hashlib.sha256(data).hexdigest() != name[4]:
            raise ValueError("its SHA-256 is not the one in its name")
        tensors, text = read_tensors(data)
        values = json.loads(text)
        if values.pop("format_version") != _FORMAT_VERSION:
            raise ValueError("it is of another version of clearsight")
        for moment in ("epoch_start", "now"):
            start = f"{moment}."
            found = {key: tensors.pop(key) for key in list(tensors) if key.startswith(start)}
            values[moment] = RandomState(
                {key.removeprefix(start): tensor for key, tensor in found.items()}, values[moment]
            )
        values["history"] = tuple(Epoch(**row) for row in values["history"])
        return cls(tensors=tensors, **values)

    def _all_tensors(self) -> Tensors:
        random = {
            f"{moment}.{key}": tensor
            for moment, state in (("epoch_start", self.epoch_start), ("now", self.now))
            for key, tensor in state.tensors.items()
        }
        return {**self.tensors, **random}

    def _text(self) -> str:
        values = {
            "format_version": _FORMAT_VERSION,
            "number": self.number,
            "epochs_done": self.epochs_done,
            "num_batches": self.num_batches,
            "history": [asdict(epoch) for epoch in self.history],
            "seconds": self.seconds,
            "network": self.network,
            "identity": self.identity,
            "epoch_start": self.epoch_start.values,
            "now": self.now.values,
        }
        return json.dumps(values)

    def numbered(self, number: int) -> Checkpoint:
        """Return the checkpoint under another number."""
        return replace(self, number=number)


@dataclass(frozen=True, order=True)
class CheckpointFile:
    """What the name of a checkpoint's file says; files sort by their number.

    Attributes:
        number: see `Checkpoint`; likewise below.
        epochs_done: see there.
        num_batches: see there.
        path: the file.
    """

    number: int
    epochs_done: int
    num_batches: int
    path: Path


@dataclass(frozen=True)
class Found:
    """The newest good checkpoint of a run.

    Attributes:
        checkpoint: None when there is no good one.
        damaged: newer files that are not what they should be, newest first, each with the reason.
    """

    checkpoint: Checkpoint | None
    damaged: tuple[tuple[Path, str], ...]


def checkpoint_files(folder: Path) -> list[CheckpointFile]:
    """List a folder's checkpoints, oldest first; a folder that is not there has none."""
    if not folder.is_dir():
        return []
    names = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir())
    return sorted(
        CheckpointFile(int(name[1]), int(name[2]), int(name[3]), path)
        for path, name in names
        if name is not None
    )


def newest_good(folder: Path) -> Found:
    """Read the newest checkpoint that is whole."""
    damaged = []
    for file in reversed(checkpoint_files(folder)):
        try:
            return Found(Checkpoint.read(file.path), tuple(damaged))
        except (OSError, ValueError) as error:
            damaged.append((file.path, str(error)))
    return Found(None, tuple(damaged))


def to_keep(files: Iterable[CheckpointFile], history: History) -> set[Path]:
    """Choose the last two checkpoints, and that of the epoch with the best validation accuracy."""
    ordered = sorted(files)
    kept = {file.path for file in ordered[-2:]}
    best = best_epoch(history)
    return kept | {
        file.path for file in ordered if file.epochs_done == best and file.num_batches == 0
    }


def best_epoch(history: History) -> int | None:
    """Return the epoch, counted from 1, whose validation accuracy is highest, the first of equals.

    Example:
        >>> rows = [Epoch(n, 1.0, 0.5, 1.0, score, 1.0, 0.1) for n, score in ((1, 0.7), (2, 0.7))]
        >>> best_epoch(tuple(rows))
        1
    """
    if not history:
        return None
    return max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.epoch)).epoch


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished; the caller holds the run's lock."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name.startswith(_UNFINISHED):
                path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names down to the disk, where the system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
