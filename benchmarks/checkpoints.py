"""The cost of checkpoints in an epoch of the reference job.

Epochs with a checkpoint at their end and epochs without take turns within one training, so that
whatever else the machine does hits both. As a bound that no noise can hide there is also what
checkpoints take at most: the training thread's time in saving, plus the processor time of the
thread that writes, as if all of it had been taken from the training.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import clearsight
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.saving import SaveCheckpoints
from clearsight.training.checkpoint.writer import CheckpointWriter

_EPOCHS, _WARM_UP = 42, 2


def main() -> None:
    """Train, measure and print."""
    in_training, in_writer, sizes = [], [], []
    save, write = SaveCheckpoints.save, CheckpointWriter._write

    def timed_save(self: SaveCheckpoints) -> None:
        if (
            self.position.epochs_done % 2
        ):  # what is saved at this epoch's end is written during the next
            return
        started = time.perf_counter()
        save(self)
        in_training.append(time.perf_counter() - started)

    def timed_write(self: CheckpointWriter, checkpoint: Checkpoint) -> None:
        started = time.thread_time()
        write(self, checkpoint)
        in_writer.append(time.thread_time() - started)
        sizes.append(max(file.stat().st_size for file in self.folder.iterdir()))

    own: Any = SaveCheckpoints
    own.save = timed_save
    own = CheckpointWriter
    own._write = timed_write
    with tempfile.TemporaryDirectory() as folder:
        run = clearsight.train(
            "fashion-mnist", epochs=_EPOCHS, out=Path(folder) / "run", verbose=False
        )
        seconds = [epoch.seconds for epoch in run.history][_WARM_UP:]
    # Epoch k, counted from 0, runs while the checkpoint saved after k epochs is written.
    with_one, without = seconds[0::2], seconds[1::2]
    epoch = statistics.median(without)
    on_thread = statistics.median(in_training[1:])
    off_thread = statistics.median(in_writer[2:])
    print("| of the reference job | median (least to most) |\n|---|---|")
    for name, values in (
        ("an epoch while a checkpoint is written, s", with_one),
        ("an epoch without one, s", without),
    ):
        print(
            f"| {name} | {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f}) |"
        )
    ratios = [a / b - 1 for a, b in zip(with_one, without, strict=True)]
    print(f"| the first more than the second, pairwise | {100 * statistics.median(ratios):+.2f}% |")
    print(f"| a checkpoint, MB | {statistics.median(sizes) / 1e6:.2f} |")
    print(f"| saving, on the training thread, ms | {1e3 * on_thread:.2f} |")
    print(f"| writing, off it, processor ms | {1e3 * off_thread:.2f} |")
    print(f"| both, as a percentage of an epoch | {100 * (on_thread + off_thread) / epoch:.2f}% |")


if __name__ == "__main__":
    main()
