"""PyTorch as someone writes it who knows where the time goes.

Channels-last memory, bfloat16 where the processor multiplies it in hardware, the fused Adam, and
batches picked from memory; nothing waits for a number before the epoch ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from peers.answer import Measured, answer, peak_memory_bytes
from peers.job import LEARNING_RATE, Job, coloured_noise, test_images, training_images
from peers.torch_networks import reference_network, residual_network


@dataclass(frozen=True)
class Images:
    """Images in memory.

    Attributes:
        images: float32 (N, H, W, C) in [0, 1], so that each batch is channels-last as it is.
        classes: int64 (N,).
    """

    images: torch.Tensor
    classes: torch.Tensor

    @classmethod
    def from_arrays(cls, images: np.ndarray, labels: np.ndarray) -> Images:
        return cls(torch.from_numpy(images), torch.from_numpy(labels))

    def shuffled(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield every image once in random order: images (B, C, H, W), classes (B,)."""
        for chosen in torch.randperm(len(self.classes)).split(batch_size):
            images = torch.index_select(self.images, 0, chosen)
            yield images.permute(0, 3, 1, 2), torch.index_select(self.classes, 0, chosen)

    def in_order(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield every image once in its own order: images (B, C, H, W), classes (B,)."""
        for images, classes in zip(
            self.images.split(batch_size), self.classes.split(batch_size), strict=True
        ):
            yield images.permute(0, 3, 1, 2), classes


class Trainer:
    """A network with its optimizer, in this job's batch size and this machine's fast precision."""

    def __init__(self, network: nn.Module, job: Job) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - stub
        self.optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
        self.batch_size = job.batch_size
        self.bfloat16 = job.bfloat16_is_fast

    def train_epoch(self, data: Images) -> tuple[float, float]:
        """Train on every image once; return the mean loss and the accuracy."""
        self.network.train()
        totals = torch.zeros(2)
        for images, classes in data.shuffled(self.batch_size):
            self.optimizer.zero_grad(set_to_none=True)
            with self._precision():
                logits = self.network(images)
            loss = functional.cross_entropy(logits.float(), classes)
            loss.backward()
            self.optimizer.step()
            _count(totals, loss.detach(), logits.detach(), classes)
        return _means(totals, data)

    @torch.inference_mode()
    def evaluate(self, data: Images) -> tuple[float, float]:
        """Return the mean loss and the accuracy."""
        self.network.eval()
        totals = torch.zeros(2)
        for images, classes in data.in_order(self.batch_size):
            with self._precision():
                logits = self.network(images)
            _count(totals, functional.cross_entropy(logits.float(), classes), logits, classes)
        return _means(totals, data)

    def _precision(self) -> AbstractContextManager:
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16)


def fit_reference(job: Job) -> Measured:
    images, labels = training_images(job)
    cut = job.num_trained
    train = Images.from_arrays(images[:cut], labels[:cut])
    validation = Images.from_arrays(images[cut:], labels[cut:])
    trainer = Trainer(reference_network(), job)
    epoch_seconds = []
    for _ in range(job.num_epochs):
        started = time.perf_counter()
        trainer.train_epoch(train)
        trainer.evaluate(validation)
        epoch_seconds.append(time.perf_counter() - started)
    peak_bytes = peak_memory_bytes()
    _, accuracy = trainer.evaluate(Images.from_arrays(*test_images(job)))
    return {
        "fit_seconds": sum(epoch_seconds),
        "epoch_seconds": epoch_seconds,
        "peak_memory_bytes": peak_bytes,
        "test_accuracy": accuracy,
    }


def train_residual(job: Job) -> Measured:
    trainer = Trainer(residual_network(), job)
    trainer.train_epoch(Images.from_arrays(*coloured_noise(job, job.num_warm_steps)))
    images = Images.from_arrays(*coloured_noise(job, job.num_timed_steps))
    started = time.perf_counter()
    trainer.train_epoch(images)
    seconds = time.perf_counter() - started
    return {"step_seconds": seconds / job.num_timed_steps, "peak_memory_bytes": peak_memory_bytes()}


def _count(
    totals: torch.Tensor, loss: torch.Tensor, logits: torch.Tensor, classes: torch.Tensor
) -> None:
    totals[0] += loss * len(classes)
    totals[1] += (logits.argmax(1) == classes).sum()


def _means(totals: torch.Tensor, images: Images) -> tuple[float, float]:
    loss, accuracy = (totals / len(images.classes)).tolist()
    return loss, accuracy


if __name__ == "__main__":
    answer(
        {"reference": fit_reference, "resnet": train_residual},
        packages=("torch", "numpy"),
    )
