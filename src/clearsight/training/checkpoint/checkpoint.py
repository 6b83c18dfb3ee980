"""`Checkpoint`: everything needed to resume a training between two batches, and its file.

A checkpoint is one safetensors file. Its name says how far the training was and ends in the file's
SHA-256, which `sha256sum` prints too; a file that does not match its name is never loaded.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from clearsight.errors import format_validation_error
from clearsight.io.regular_file import open_regular
from clearsight.io.temporary import temporary_directory
from clearsight.io.write_error import find_refusal
from clearsight.training.checkpoint.random_state import RandomState, Tensors
from clearsight.training.history import History, best_epoch, check_history
from clearsight.training.recipe import Count

_NAME = re.compile(r"(\d{6,})_epochs-(\d+)_batches-(\d+)_([0-9a-f]{64})\.safetensors")
_UNFINISHED = "unfinished"
_FORMAT_VERSION = 1
_RANDOM_STATES = ("random_state", "epoch_start_random_state")
_HEADER_BYTES_PER_TENSOR = 200  # about


class _State(BaseModel):
    """What a checkpoint's file holds besides its tensors; see `Checkpoint`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1]
    epochs_done: Count
    num_batches: Count
    history: tuple[dict[str, float], ...]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    network: str
    identity: dict[str, Any]
    random_state: dict[str, list[Any]]
    epoch_start_random_state: dict[str, list[Any]]
    number: Count


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two batches.

    Attributes:
        epochs_done: the number of finished epochs.
        num_batches: the number of batches done in the unfinished epoch.
        history: the finished epochs.
        seconds: duration of the unfinished epoch so far.
        network: the network's architecture, Keras's JSON.
        identity: what the run depends on: fingerprint of the data, versions, number of threads.
        random_state: the random generators.
        epoch_start_random_state: the random generators before the unfinished epoch was shuffled.
        tensors: the variables of model, optimizer and metrics, and the state of the batches.
        number: counted from 1 within a run; the writer assigns it.
    """

    epochs_done: int
    num_batches: int
    history: History
    seconds: float
    network: str
    identity: dict[str, Any]
    random_state: RandomState
    epoch_start_random_state: RandomState
    tensors: Tensors
    number: int = 0

    @property
    def is_initial(self) -> bool:
        """Whether nothing has been trained yet."""
        return self.epochs_done == 0 and self.num_batches == 0

    def tensors_of(self, part: str) -> Tensors:
        """Return the tensors of "model", "optimizer", "metrics" or "batches"."""
        return _with_prefix(self.tensors, part)

    def write(self, folder: Path) -> Path:
        """Write the file atomically and flush it to the disk.

        Raises:
            OSError: if it cannot be written; nothing is left of it then.
        """
        folder.mkdir(parents=True, exist_ok=True)
        values = {name: value for name, value in vars(self).items() if name != "tensors"}
        values["history"] = [asdict(epoch) for epoch in self.history]
        tensors = dict(self.tensors)
        for name in _RANDOM_STATES:
            state: RandomState = values[name]
            values[name] = state.values
            # Copies: both may be the same, and safetensors refuses tensors that share memory.
            tensors |= {f"{name}.{key}": tensor.clone() for key, tensor in state.tensors.items()}
        text = json.dumps({"format_version": _FORMAT_VERSION, **values})
        with temporary_directory(folder / _UNFINISHED) as temporary:
            unfinished = temporary / "checkpoint.safetensors"
            try:
                save_file(tensors, unfinished, {"format": "pt", "state": text})
            except SafetensorError as error:
                raise find_refusal(error) or OSError(str(error)) from error
            # safetensors lets no other user read the file, whatever the umask is.
            unfinished.chmod(temporary.stat().st_mode & 0o666)
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            path = folder / (
                f"{self.number:06d}_epochs-{self.epochs_done}_batches-{self.num_batches}_{sha256}"
                ".safetensors"
            )
            unfinished.replace(path)
        _sync_folder(folder)
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            OSError: if it cannot be read.
            ValueError: if it is damaged.
        """
        name = _NAME.fullmatch(path.name)
        with open_regular(path) as file:
            sha256 = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        if name is None or sha256 != name[4]:
            raise ValueError("its SHA-256 is not the one in its name")
        try:
            with safe_open(path, framework="pt") as file:
                state = _State.model_validate(json.loads((file.metadata() or {})["state"]))
                # Copies: the file may be removed while the training continues.
                tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
        except ValidationError as error:
            raise ValueError(
                f"it is of another version, or no checkpoint: {format_validation_error(error)}"
            ) from error
        except (SafetensorError, KeyError, RecursionError) as error:
            raise ValueError(f"it is no checkpoint: {error}") from error
        history = check_history(state.history)
        if len(history) != state.epochs_done:
            raise ValueError(f"it holds {len(history)} of its {state.epochs_done} epochs")
        values = dict(state) | {"history": history, "tensors": {}}
        del values["format_version"]
        for key in _RANDOM_STATES:
            values[key] = RandomState(_with_prefix(tensors, key), values[key])
            values[key].check()
        values["tensors"] = {
            key: tensor
            for key, tensor in tensors.items()
            if key.partition(".")[0] not in _RANDOM_STATES
        }
        return cls(**values)


@dataclass(frozen=True, order=True)
class CheckpointFile:
    """What the name of a checkpoint's file says, sorted by number; see `Checkpoint`."""

    number: int
    epochs_done: int
    num_batches: int
    path: Path


@dataclass(frozen=True)
class NewestCheckpoint:
    """The newest intact checkpoint of a run.

    Attributes:
        checkpoint: None if there is no intact one.
        damaged: newer, damaged files, newest first, each with the reason.
    """

    checkpoint: Checkpoint | None
    damaged: tuple[tuple[Path, str], ...]


def checkpoint_files(folder: Path) -> list[CheckpointFile]:
    """List a folder's checkpoints, oldest first; none if there is no such folder."""
    if not folder.is_dir():
        return []
    names = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir())
    return sorted(
        CheckpointFile(int(name[1]), int(name[2]), int(name[3]), path)
        for path, name in names
        if name is not None
    )


def read_newest_checkpoint(folder: Path) -> NewestCheckpoint:
    """Read the newest checkpoint that is not damaged."""
    damaged = []
    for file in reversed(checkpoint_files(folder)):
        try:
            return NewestCheckpoint(Checkpoint.read(file.path), tuple(damaged))
        except (OSError, ValueError) as error:
            damaged.append((file.path, str(error)))
    return NewestCheckpoint(None, tuple(damaged))


def read_best_checkpoint(folder: Path, history: History) -> Checkpoint | None:
    """Read the checkpoint of the epoch with the best validation accuracy, the first of equals.

    Returns:
        None if it is missing or damaged: it could not be written, or the images changed and later
        epochs replaced it.
    """
    found = _of_best_epoch(checkpoint_files(folder), history)
    with suppress(OSError, ValueError):
        return Checkpoint.read(found[0]) if found else None
    return None


def checkpoints_to_keep(files: list[CheckpointFile], history: History) -> set[Path]:
    """Choose the last two of sorted checkpoints, and that of the best validation accuracy."""
    return {*(file.path for file in files[-2:]), *_of_best_epoch(files, history)}


def _of_best_epoch(files: list[CheckpointFile], history: History) -> list[Path]:
    best = best_epoch(history)
    return [file.path for file in files if file.epochs_done == best and not file.num_batches]


def checkpoint_size_bytes(tensors: Mapping[str, torch.Tensor]) -> int:
    """Return about how many bytes a checkpoint of these tensors takes."""
    return sum(
        tensor.numel() * tensor.element_size() + _HEADER_BYTES_PER_TENSOR
        for tensor in tensors.values()
    )


def _with_prefix(tensors: Tensors, prefix: str) -> Tensors:
    return {
        key.removeprefix(f"{prefix}."): tensor
        for key, tensor in tensors.items()
        if key.startswith(f"{prefix}.")
    }


def _sync_folder(folder: Path) -> None:
    """Flush a folder's list of files to the disk, if the system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
