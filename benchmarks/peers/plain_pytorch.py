"""PyTorch as its tutorials write it: a DataLoader, float32, Adam."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from peers.answer import Measured, answer, peak_memory_bytes
from peers.job import LEARNING_RATE, Job, test_images, training_images
from peers.torch_networks import reference_network


def fit_reference(job: Job) -> Measured:
    images, labels = training_images(job)
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    classes = torch.from_numpy(labels)
    cut = job.num_trained
    train = TensorDataset(images[:cut], classes[:cut])
    validation = TensorDataset(images[cut:], classes[cut:])
    train_batches = DataLoader(train, batch_size=job.batch_size, shuffle=True)
    validation_batches = DataLoader(validation, batch_size=job.batch_size)

    model = reference_network()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    epoch_seconds = []
    for _ in range(job.num_epochs):
        started = time.perf_counter()
        train_epoch(model, train_batches, optimizer)
        evaluate(model, validation_batches)
        epoch_seconds.append(time.perf_counter() - started)
    peak_bytes = peak_memory_bytes()

    held_out, test_labels = test_images(job)
    test = TensorDataset(
        torch.from_numpy(held_out).permute(0, 3, 1, 2), torch.from_numpy(test_labels)
    )
    _, accuracy = evaluate(model, DataLoader(test, batch_size=job.batch_size))
    return {
        "fit_seconds": sum(epoch_seconds),
        "epoch_seconds": epoch_seconds,
        "peak_memory_bytes": peak_bytes,
        "test_accuracy": accuracy,
    }


def train_epoch(
    model: nn.Module, batches: DataLoader, optimizer: torch.optim.Optimizer
) -> tuple[float, float]:
    """Train on every batch once; return the mean loss and the accuracy, as Keras's `fit` does."""
    loss_function = nn.CrossEntropyLoss()
    model.train()
    loss_sum, num_right, count = 0.0, 0, 0
    for images, classes in batches:
        optimizer.zero_grad()
        logits = model(images)
        loss = loss_function(logits, classes)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(classes)
        num_right += int((logits.argmax(1) == classes).sum().item())
        count += len(classes)
    return loss_sum / count, num_right / count


@torch.no_grad()
def evaluate(model: nn.Module, batches: DataLoader) -> tuple[float, float]:
    """Return the mean loss and the accuracy."""
    loss_function = nn.CrossEntropyLoss()
    model.eval()
    loss_sum, num_right, count = 0.0, 0, 0
    for images, classes in batches:
        logits = model(images)
        loss_sum += loss_function(logits, classes).item() * len(classes)
        num_right += int((logits.argmax(1) == classes).sum().item())
        count += len(classes)
    return loss_sum / count, num_right / count


if __name__ == "__main__":
    answer({"reference": fit_reference}, packages=("torch", "numpy"))
