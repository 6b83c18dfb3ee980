"""A damaged or hostile checkpoint is skipped for an older one, or named in the error."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import clearsight
from clearsight.errors import ClearsightError, RunError
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import resume_request
from clearsight.training.checkpoint.checkpoint import (
    Checkpoint,
    checkpoint_files,
    read_newest_checkpoint,
)
from support.run_damage import DAMAGES, REPLACEMENTS, outcome, replace_value, value_paths

State = dict[str, Any]
Tensors = dict[str, torch.Tensor]


@pytest.fixture
def run(digits_run_of_two_epochs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(digits_run_of_two_epochs, tmp_path / "run"))


def newest(run: Path) -> Path:
    return checkpoint_files(run / "checkpoints")[-1].path


def rename_as_its_content(path: Path) -> Path:
    """Give a file the name of its content, as who forges it does."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    position = path.name.rpartition("_")[0]
    return path.rename(path.with_name(f"{position}_{sha256}.safetensors"))


def forge(path: Path, change: Callable[[State, Tensors], object]) -> Path:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    state = json.loads(metadata["state"])
    change(state, tensors)
    save_file(tensors, path, {**metadata, "state": json.dumps(state)})
    return rename_as_its_content(path)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("is_forged", [False, True])
def test_an_older_one_is_used(run: Path, damage: str, is_forged: bool) -> None:
    if damage == "a terabyte":
        pytest.skip("its SHA-256 would take half an hour")
    path = newest(run)
    DAMAGES[damage](path)
    if is_forged and path.is_file() and path.stat().st_size:
        path = rename_as_its_content(path)
    found = read_newest_checkpoint(run / "checkpoints")
    assert found.checkpoint is not None
    assert found.checkpoint.epochs_done == 1
    assert [file for file, _ in found.damaged] == [path]
    if damage in ("a named pipe", "a device"):  # into such a folder nothing is written
        with pytest.raises(RunError, match=path.name):
            plan_resume(resume_request(run, epochs=3))
        return
    plan = plan_resume(resume_request(run, epochs=3))
    assert any(f"{path.name} is damaged" in note for note in plan.notes)


@pytest.mark.parametrize(
    "change",
    [
        lambda state, _: state.update(history=[]),
        lambda state, _: state["history"][0].update(val_accuracy=2),
        lambda state, _: state["history"][1].update(epoch=7),
        lambda state, _: state.update(epochs_done=10**9),
        lambda state, _: state.update(network=["not", "text"]),
        lambda state, _: state.update(format_version=2),
        lambda state, _: state.update(another=1),
        lambda state, _: state.pop("seconds"),
        lambda state, _: state["random_state"].update(numpy=[10**6, 0, 0.0]),
        lambda state, _: state["random_state"].update(numpy=[-1, 0, 0.0]),
        lambda state, _: state["random_state"].update(python=[9, None]),
        lambda state, _: state.update(random_state={}),
        lambda _, tensors: tensors.pop("random_state.torch"),
        lambda _, tensors: tensors.update(
            {"random_state.torch": torch.zeros(5056, dtype=torch.uint8)}
        ),
        lambda _, tensors: tensors.update({"random_state.torch": torch.zeros(3)}),
        lambda _, tensors: tensors.update(
            {"random_state.numpy": torch.zeros(2, dtype=torch.int64)}
        ),
        lambda _, tensors: tensors.update(
            {"random_state.numpy": torch.zeros(700, dtype=torch.uint32)}
        ),
        lambda _, tensors: tensors.update({"epoch_start_random_state.python": torch.tensor(1)}),
    ],
)  # fmt: skip
def test_a_forged_state_is_no_checkpoint(
    run: Path, change: Callable[[State, Tensors], object]
) -> None:
    path = forge(newest(run), change)
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        Checkpoint.read(path)
    found = read_newest_checkpoint(run / "checkpoints").checkpoint
    assert found is not None
    assert found.epochs_done == 1


@pytest.mark.parametrize(
    ("header", "size"), [(b"\xff" * 8, 100), ((1 << 40).to_bytes(8, "little"), 100)]
)
def test_a_huge_header_is_not_read(run: Path, header: bytes, size: int) -> None:
    path = newest(run)
    path.write_bytes(header + os.urandom(size))
    path = rename_as_its_content(path)
    with pytest.raises(ValueError, match="it is no checkpoint"):
        Checkpoint.read(path)


NO_NETWORK = "rebuild the run's network|a built network"
A_LAYER = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"units": 1},
    "registered_name": None,
}
A_COMMAND = {
    "module": "os",
    "class_name": "function",
    "config": "system",
    "registered_name": "function",
}


def no_weights(_: State, tensors: Tensors) -> None:
    del tensors[next(key for key in tensors if key.startswith("model."))]


def other_precision(_: State, tensors: Tensors) -> None:
    for key, tensor in tensors.items():
        if key.startswith("model.") and tensor.dtype == torch.float32:
            tensors[key] = tensor.to(torch.float64)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state, _: state.update(network="{}"), NO_NETWORK),
        (lambda state, _: state.update(network="[" * 100_000), NO_NETWORK),
        (lambda state, _: state.update(network=json.dumps(A_LAYER)), NO_NETWORK),
        (lambda state, _: state.update(network=json.dumps(A_COMMAND)), NO_NETWORK),
        (lambda state, _: state.update(identity={}), "on which images, versions and threads"),
        (lambda state, _: state["identity"].update(batch_size=0), "on which images, versions"),
        (no_weights, "variables of this network"),
        (other_precision, "variables of this network"),
    ],
)
def test_what_fits_no_run_is_named(
    run: Path, change: Callable[[State, Tensors], object], expected: str
) -> None:
    forge(newest(run), change)
    with pytest.raises(ClearsightError, match=expected):
        plan_resume(resume_request(run, epochs=3))


def test_a_network_takes_no_more_memory_than_its_weights(run: Path) -> None:
    def widen(state: State, _: Tensors) -> None:
        config = json.loads(state["network"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Dense":
                del layer["build_config"]
                layer["config"]["units"] = 10**6
        state["network"] = json.dumps(config)

    forge(newest(run), widen)
    with pytest.raises(RunError, match="hold the weights of its network"):
        plan_resume(resume_request(run, epochs=3))


def test_a_network_of_other_objects_is_not_made(run: Path) -> None:
    def call(state: State, _: Tensors) -> None:
        config = json.loads(state["network"])
        config["config"]["layers"].append(A_COMMAND | {"module": "keras.utils"})
        state["network"] = json.dumps(config)

    forge(newest(run), call)
    with pytest.raises(RunError, match="cannot be loaded safely"):
        plan_resume(resume_request(run, epochs=3))


def test_flips_of_other_images_are_named(run: Path) -> None:
    def add_flips(_: State, tensors: Tensors) -> None:
        tensors["batches.parity"] = torch.zeros(3, dtype=torch.uint8)

    forge(newest(run), add_flips)
    with pytest.raises(RunError, match="images are mirrored"):
        clearsight.resume(run, epochs=3, verbose=False)


@pytest.mark.slow
def test_any_value_of_its_state_may_be_anything(
    digits_run_of_two_epochs: Path, tmp_path: Path
) -> None:
    with safe_open(newest(digits_run_of_two_epochs), framework="pt") as file:
        text = file.metadata()["state"]
    cases = [
        (where, replace_value(text, where, value))
        for where in value_paths(json.loads(text))
        for value in REPLACEMENTS
    ]
    refused = 0
    for number, (_, changed) in enumerate(cases[:: max(len(cases) // 100, 1)]):
        run = Path(shutil.copytree(digits_run_of_two_epochs, tmp_path / str(number)))
        path = newest(run)
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        save_file(tensors, path, {"format": "pt", "state": changed})
        rename_as_its_content(path)
        resumed = outcome(lambda run=run: plan_resume(resume_request(run, epochs=3)))
        outcome(lambda run=run: clearsight.Run.load(run).model)
        refused += resumed is not None
        shutil.rmtree(run)
    assert refused > 0, "some of these values are noticed"
