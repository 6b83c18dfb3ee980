"""PyTorch as in `hand_tuned_pytorch`, for the networks in `torch_network_table`.

Training and prediction are tried without and with torch.compile, and the faster way is used.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from peers.answer import Measured, answer
from peers.hand_tuned_pytorch import Images, Trainer
from peers.job import Job
from peers.network_rows import ROWS
from peers.torch_network_table import build_torch
from peers.turns import take_turns


def network_turns(job: Job) -> Iterator[Measured]:
    """Yield which of the two ways is used, then the seconds of each turn."""
    row = ROWS[job.network]
    network = build_torch(row.name)
    if network is None:
        sys.exit("not written in PyTorch")
    size = row.batch_size
    data = Images.from_arrays(*row.images(job.num_timed_steps))
    two_batches = Images(data.images[: 2 * size], data.classes[: 2 * size])
    job = Job(job.data_dir, job.num_threads, batch_size=size)
    trainers = [Trainer(network, job), Trainer(network, job)]
    trainers[1].network = _compiled(network)
    trainer, is_trained_compiled = _faster(trainers, lambda each: each.train_epoch(two_batches))
    dtype = torch.bfloat16 if job.bfloat16_is_fast else torch.float32
    images = data.images.permute(0, 3, 1, 2)

    @torch.inference_mode()
    def predict(predictor: Any, images: torch.Tensor) -> torch.Tensor:
        logits = [predictor(batch).float() for batch in images.split(size)]
        return torch.cat(logits).softmax(1)

    cast = _Cast(copy.deepcopy(network).eval().to(dtype), dtype)  # weights are cast once
    predictor, is_predicted_compiled = _faster(
        [cast, _compiled(cast)], lambda each: predict(each, images[: 2 * size])
    )
    yield from take_turns(
        {
            "training_is_compiled": is_trained_compiled,
            "prediction_is_compiled": is_predicted_compiled,
        },
        {
            "training": lambda: trainer.train_epoch(data),
            "prediction": lambda: predict(predictor, images),
        },
    )


class _Cast(nn.Module):
    """Casts images to the type of a network's weights, which is exact for 8-bit pixels."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.dtype = network, dtype

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images.to(self.dtype))


def _compiled(network: nn.Module) -> Any:
    return torch.compile(network)


def _faster(systems: list[Any], work: Callable[[Any], object]) -> tuple[Any, int]:
    """Return the faster of two systems, an uncompiled and a compiled one, and its index.

    torch.compile does not work with every compiler and layer; then it is the uncompiled one.
    """
    best = []
    for index, system in enumerate(systems):
        with suppress(Exception):
            seconds = []
            for _ in range(4):  # the first compiles
                started = time.perf_counter()
                work(system)
                seconds.append(time.perf_counter() - started)
            best.append((min(seconds), index))
    if not best:
        work(systems[0])  # raises its error
    _, index = min(best)
    return systems[index], index


if __name__ == "__main__":
    answer({"network": network_turns}, packages=("torch", "numpy"))
