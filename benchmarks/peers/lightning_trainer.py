"""Lightning without its logger, checkpoints and progress bar, which cost time."""

from __future__ import annotations

import logging
import time
import warnings
from itertools import pairwise

import lightning  # pyright: ignore[reportMissingImports] - in its own environment
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from peers.answer import Measured, answer, peak_memory_bytes
from peers.job import LEARNING_RATE, Job, test_images, training_images
from peers.torch_networks import reference_network

Batch = tuple[torch.Tensor, torch.Tensor]


class Classifier(lightning.LightningModule):
    """The reference network with the four numbers that Keras's `fit` keeps of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.network = reference_network()
        self.loss_function = nn.CrossEntropyLoss()
        self.moments: list[float] = []

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        del batch_index
        return self._loss_of(batch, "")

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        del batch_index
        self._loss_of(batch, "val_")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    def on_train_epoch_start(self) -> None:
        self.moments.append(time.perf_counter())

    def _loss_of(self, batch: Batch, prefix: str) -> torch.Tensor:
        images, classes = batch
        logits = self.network(images)
        loss = self.loss_function(logits, classes)
        right = (logits.argmax(1) == classes).float().mean()
        self.log(f"{prefix}loss", loss, on_step=False, on_epoch=True)
        self.log(f"{prefix}accuracy", right, on_step=False, on_epoch=True)
        return loss


def fit_reference(job: Job) -> Measured:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    # Lightning advises worker processes, which would only take the same cores.
    warnings.filterwarnings("ignore", module="lightning")
    images, labels = training_images(job)
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    classes = torch.from_numpy(labels)
    cut = job.num_trained
    train = TensorDataset(images[:cut], classes[:cut])
    validation = TensorDataset(images[cut:], classes[cut:])
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=job.num_epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    model = Classifier()
    train_batches = DataLoader(train, batch_size=job.batch_size, shuffle=True)
    validation_batches = DataLoader(validation, batch_size=job.batch_size)
    started = time.perf_counter()
    trainer.fit(model, train_batches, validation_batches)
    ended = time.perf_counter()
    return {
        "fit_seconds": ended - started,
        "epoch_seconds": [later - earlier for earlier, later in pairwise([*model.moments, ended])],
        "peak_memory_bytes": peak_memory_bytes(),
        "test_accuracy": _test_accuracy(model, job),
    }


@torch.no_grad()
def _test_accuracy(model: Classifier, job: Job) -> float:
    images, labels = test_images(job)
    model.eval()
    logits = model.network(torch.from_numpy(images).permute(0, 3, 1, 2))
    return (logits.argmax(1) == torch.from_numpy(labels)).float().mean().item()


if __name__ == "__main__":
    answer({"reference": fit_reference}, packages=("lightning", "torch", "numpy"))
