"""What every program is asked to do: the numbers, and the images they work on.

The driver writes the arrays once, and hands the `Job` to every program as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

VALIDATION_SHARE = 0.2  # the last images, as Keras's validation_split holds out
LEARNING_RATE = 0.001  # per step, Adam
NUM_CLASSES = 10


@dataclass(frozen=True)
class Job:
    """How much is measured; the defaults are the reference job.

    Attributes:
        data_dir: the folder with the .npy files that `peers.job` reads.
        num_threads: threads that every program computes with.
        num_images: training images of the reference job, the last fifth for validation.
        num_epochs: of the reference job.
        batch_size: of training, validation and the residual network.
        num_predicted: images in one call of `predict`.
        num_predict_calls: timed calls of `predict`, after two for warming up.
        num_warm_steps: untimed training steps of the residual network.
        num_timed_steps: timed training steps of the residual network, and batches in one turn of
            a network of `network_rows`.
        peak_seconds: how long each of the machine's peaks is measured.
        network: which row of `network_rows` is trained, if any.
    """

    data_dir: str
    num_threads: int
    num_images: int = 15_000
    num_epochs: int = 10
    batch_size: int = 64
    num_predicted: int = 10_000
    num_predict_calls: int = 9
    num_warm_steps: int = 12
    num_timed_steps: int = 12
    peak_seconds: float = 3.0
    network: str = ""

    @property
    def num_trained(self) -> int:
        """Images that the weights are fitted to; the rest of `num_images` validate."""
        return int(self.num_images * (1 - VALIDATION_SHARE))

    @property
    def bfloat16_is_fast(self) -> bool:
        """Whether this machine multiplies bfloat16 in hardware rather than emulating it."""
        from machine import this_machine

        return this_machine().bfloat16_is_fast


def training_images(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 (num_images, 28, 28, 1) in [0, 1] and int64 (num_images,)."""
    images, labels = _read(job, "train")
    return images[: job.num_images].astype("float32") / 255, labels[: job.num_images]


def test_images(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 (num_predicted, 28, 28, 1) in [0, 1] and int64 (num_predicted,)."""
    images, labels = _read(job, "test")
    return images[: job.num_predicted].astype("float32") / 255, labels[: job.num_predicted]


def coloured_noise(job: Job, num_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 (batch_size * num_steps, 32, 32, 3) in [0, 1) and int64 labels.

    Only speed counts for the residual network, so its images need no content.
    """
    random = np.random.default_rng(0)
    count = job.batch_size * num_steps
    images = random.random((count, 32, 32, 3), dtype="float32")
    return images, random.integers(0, NUM_CLASSES, count)


def write_arrays(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write uint8 (N, 28, 28, 1) images and int64 (N,) labels for the programs to read."""
    np.save(folder / f"{part}-images.npy", images)
    np.save(folder / f"{part}-labels.npy", labels)


def _read(job: Job, part: str) -> tuple[np.ndarray, np.ndarray]:
    folder = Path(job.data_dir)
    return np.load(folder / f"{part}-images.npy"), np.load(folder / f"{part}-labels.npy")
