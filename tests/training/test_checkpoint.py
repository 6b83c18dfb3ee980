"""Checkpoint files: exact, readable by others, and never loaded when damaged."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight.errors import OutputError
from clearsight.models.backend import keras
from clearsight.training.checkpoint.checkpoint import (
    Checkpoint,
    CheckpointFile,
    checkpoint_files,
    checkpoints_to_keep,
    read_newest_checkpoint,
)
from clearsight.training.checkpoint.random_state import RandomState
from clearsight.training.checkpoint.snapshot import network_json, rebuild_network, snapshot
from clearsight.training.checkpoint.writer import CheckpointWriter
from clearsight.training.history import Epoch
from support.disks import fill

ROW = Epoch(1, 0.1 + 0.2, 0.5, 1.0, 0.7, 1.5, 1e-3)
TENSORS = {
    "model.0000.kernel": torch.linspace(-1, 1, 35).reshape(5, 7),
    "model.0001.seed": torch.tensor([3, 2**31], dtype=torch.uint32),
    "optimizer.0000.iteration": torch.tensor(7, dtype=torch.int32),
    "optimizer.0001.momentum": torch.randn(3, 2).to(torch.bfloat16),
    "metrics.0000.total": torch.tensor(float("nan")),
    "batches.parity": torch.tensor([], dtype=torch.uint8),
}


def checkpoint(number: int = 1, epochs_done: int = 1, num_batches: int = 3) -> Checkpoint:
    now = RandomState.capture()
    return Checkpoint(
        number=number,
        epochs_done=epochs_done,
        num_batches=num_batches,
        history=(ROW,),
        seconds=2.5,
        network='{"class_name": "Sequential"}',
        identity={"data": "0" * 64, "batch_size": 64},
        random_state=now,
        epoch_start_random_state=now,
        tensors=TENSORS,
    )


def bytes_of(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1).view(torch.uint8)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint().write(tmp_path_factory.mktemp("checkpoints"))


def test_a_checkpoint_is_read_as_it_was_written(written: Path) -> None:
    found = Checkpoint.read(written)
    expected = checkpoint()
    for name, tensor in expected.tensors.items():
        other = found.tensors[name]
        assert (other.dtype, other.shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(bytes_of(other), bytes_of(tensor))
    assert found.tensors["optimizer.0000.iteration"] == 7
    assert (found.history, found.seconds, found.identity) == ((ROW,), 2.5, expected.identity)
    assert not list(written.parent.glob(".unfinished-*"))


def test_a_network_with_branches_is_rebuilt() -> None:
    image = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(image)
    model = keras.Model(image, keras.layers.Add()([keras.layers.Dense(16)(flat), flat]))
    saved = replace(checkpoint(), network=network_json(model), tensors=snapshot(model, "model"))
    images = np.ones((2, 4, 4, 1), "float32")
    found = rebuild_network(saved)(images)
    assert np.array_equal(found.detach().numpy(), model(images).detach().numpy())


def test_random_generators_are_restored(tmp_path: Path) -> None:
    path = checkpoint().write(tmp_path)

    def drawn() -> list[float]:
        numbers = np.random.random(2).tolist()
        return [*numbers, random.random(), random.gauss(), *torch.rand(2).tolist()]

    expected = drawn()
    drawn()
    Checkpoint.read(path).random_state.restore()
    assert drawn() == expected


def test_the_format_is_safetensors_and_the_name_holds_the_sha256(written: Path) -> None:
    tensors = safetensors.torch.load_file(written)
    assert torch.equal(tensors["model.0000.kernel"], TENSORS["model.0000.kernel"])
    assert tensors["optimizer.0001.momentum"].dtype == torch.bfloat16
    assert hashlib.sha256(written.read_bytes()).hexdigest() in written.name


@settings(max_examples=150)
@given(data=st.data())
def test_every_damage_is_noticed(written: Path, data: st.DataObject) -> None:
    """Bits flipped in every region (length, header, state, tensors), cuts and additions."""
    whole = written.read_bytes()
    body = 8 + int.from_bytes(whole[:8], "little")
    regions = [(0, 8), (8, 40), (40, body), (body, body + 140), (body + 140, len(whole))]
    kind = data.draw(st.sampled_from(["flip", "cut", "zero", "add"]))
    start, end = data.draw(st.sampled_from(regions))
    place = data.draw(st.integers(start, end - 1))
    if kind == "flip":
        flipped = whole[place] ^ data.draw(st.integers(1, 255))
        damaged = whole[:place] + bytes([flipped]) + whole[place + 1 :]
    elif kind == "cut":
        damaged = whole[:place]
    elif kind == "zero":
        length = data.draw(st.integers(1, 4096))
        damaged = whole[:place] + bytes(len(whole[place : place + length]))
        damaged += whole[place + length :]
    else:
        damaged = whole[:place] + data.draw(st.binary(min_size=1, max_size=64)) + whole[place:]
    if damaged == whole:
        return
    path = written.with_name(f"damaged-{written.name}")
    named = written.parent / "damaged" / written.name
    named.parent.mkdir(exist_ok=True)
    named.write_bytes(damaged)
    with pytest.raises(ValueError, match="SHA-256 is not the one in its name"):
        Checkpoint.read(named)
    found = read_newest_checkpoint(named.parent)
    assert found.checkpoint is None
    assert [file for file, _ in found.damaged] == [named]
    assert not path.exists()


@settings(max_examples=100)
@given(junk=st.binary(max_size=200))
def test_files_that_are_no_checkpoints_are_refused(written: Path, junk: bytes) -> None:
    """Even with a right SHA-256, a file that is no checkpoint is refused."""
    path = written.with_name(
        f"000001_epochs-1_batches-3_{hashlib.sha256(junk).hexdigest()}.safetensors"
    )
    path.write_bytes(junk)
    with pytest.raises(ValueError, match="it is no checkpoint"):
        Checkpoint.read(path)
    path.unlink()


def test_the_one_before_a_damaged_checkpoint_is_used(tmp_path: Path) -> None:
    checkpoint(1, num_batches=1).write(tmp_path)
    newest = checkpoint(2, num_batches=2).write(tmp_path)
    newest.write_bytes(newest.read_bytes()[:-1])
    found = read_newest_checkpoint(tmp_path)
    assert found.checkpoint is not None
    assert found.checkpoint.number == 1
    assert [file for file, _ in found.damaged] == [newest]


@settings(max_examples=100)
@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    batches=st.lists(st.integers(0, 3), min_size=1, max_size=6),
)
def test_the_last_two_and_the_best_are_kept(scores: list[float], batches: list[int]) -> None:
    history = tuple(replace(ROW, epoch=k, val_accuracy=s) for k, s in enumerate(scores, 1))
    numbers = itertools.count(1)
    files = [
        CheckpointFile(next(numbers), epoch, batch, Path(f"{epoch}-{batch}"))
        for epoch in range(len(scores) + 1)
        for batch in range(batches[epoch % len(batches)] + 1)
    ]
    kept = checkpoints_to_keep(files, history)
    assert {files[-1].path, files[-2].path} <= kept if len(files) > 1 else kept
    best = scores.index(max(scores)) + 1
    assert Path(f"{best}-0") in kept
    assert len(kept) <= 3


def test_the_writer_keeps_three_and_removes_damaged_ones(tmp_path: Path) -> None:
    bad = checkpoint(1).write(tmp_path)
    bad.write_bytes(b"")
    unfinished = tmp_path / ".unfinished-0123abcd"
    unfinished.mkdir()
    (unfinished / "checkpoint.safetensors").touch()
    with CheckpointWriter(tmp_path, print, damaged=[bad]) as writer:
        for epoch in (1, 2, 3, 4):
            rows = tuple(replace(ROW, epoch=k, val_accuracy=1 / k) for k in range(1, epoch + 1))
            writer.save(replace(checkpoint(0, epoch, 0), history=rows))
        writer.finish()
    assert [(f.number, f.epochs_done) for f in checkpoint_files(tmp_path)] == [
        (2, 1),
        (4, 3),
        (5, 4),
    ]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_diverged_checkpoint_is_not_written(tmp_path: Path) -> None:
    spoiled = {**TENSORS, "model.0000.kernel": torch.tensor([1.0, float("inf")])}
    with CheckpointWriter(tmp_path, print) as writer:
        writer.save(checkpoint())
        writer.save(replace(checkpoint(), tensors=spoiled))
        writer.finish()
    assert [file.number for file in checkpoint_files(tmp_path)] == [1]


def test_a_full_disk_keeps_intact_checkpoints(small_disks: Callable[[int], Path]) -> None:
    small_disk = small_disks(1_000_000)
    said: list[str] = []
    big = replace(checkpoint(), tensors={**TENSORS, "model.0000.kernel": torch.zeros(100_000)})
    filler = small_disk / "filler"
    with CheckpointWriter(small_disk / "checkpoints", said.append) as writer:
        writer.save(big)
        writer.finish()
        fill(filler)
        writer.save(big)
        writer.save(big)
        with pytest.raises(OutputError, match="No space left on device"):
            writer.finish()
        assert len(said) == 1
        assert "Training continues; the last intact checkpoint remains" in said[0]
        found = read_newest_checkpoint(small_disk / "checkpoints")
        assert found.checkpoint is not None
        assert (found.checkpoint.number, found.damaged) == (1, ())
        filler.unlink()
        writer.save(big)
        writer.finish()
    assert [file.number for file in checkpoint_files(small_disk / "checkpoints")] == [1, 4]
    assert not list((small_disk / "checkpoints").glob(".*"))
