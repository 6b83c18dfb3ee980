"""Writing checkpoints beside the training, and keeping only those that are of use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from clearsight.errors import OutputError
from clearsight.training.checkpoint.checkpoint import Checkpoint, checkpoint_files, sweep, to_keep

Announce = Callable[[str], None]


class CheckpointWriter:
    """Writes checkpoints in a thread of its own, one at a time.

    A checkpoint that cannot be written is announced and the training goes on: the last good ones
    stay, and the next one may find the disk in order. Use it as a context manager.

    Args:
        folder: where the files go.
        announce: shows a sentence to the user.
        after: called in the thread with each checkpoint that has been written.
        damaged: files that are no good, removed once a new checkpoint stands.
    """

    def __init__(
        self,
        folder: Path,
        announce: Announce,
        *,
        after: Callable[[Checkpoint], None] = lambda _: None,
        damaged: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        self._announce = announce
        self._after = after
        self._damaged = tuple(damaged)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._pending: Future[None] | None = None
        self._trouble: OSError | OutputError | None = None
        sweep(folder)
        files = checkpoint_files(folder)
        self._number = files[-1].number if files else 0

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._pending is not None and not self._pending.done()

    def save(self, checkpoint: Checkpoint) -> None:
        """Hand a checkpoint over; waits first while another is being written.

        One that has diverged is not written: it must not push out what is good. That is looked at
        here and not by the writing thread, which must compute nothing with torch: it would get a
        team of OpenMP threads of its own, and with more such threads than cores all of them sleep
        between two operations instead of waiting awake, which made each training step take half as
        long again.
        """
        self.settle()
        if not _is_finite(checkpoint):
            return
        self._number += 1
        self._pending = self._thread.submit(self._write, checkpoint.numbered(self._number))

    def finish(self) -> None:
        """Wait for what is being written.

        Raises:
            OutputError: when the last checkpoint could not be written.
        """
        self.settle()
        if self._trouble is not None:
            raise OutputError(
                f"The last checkpoint should be written to {self.folder}, but cannot be: "
                f"{_reason(self._trouble)}. The checkpoints before it are whole: make room or give "
                "the right to write there, and go on with --resume."
            ) from self._trouble

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second Ctrl-C leaves at once: what is half written is not waited for.
        is_hurried = kind is KeyboardInterrupt
        self._thread.shutdown(wait=not is_hurried, cancel_futures=is_hurried)

    def settle(self) -> None:
        """Wait for the thread, and tell once of each time that the disk fails."""
        if self._pending is None:
            return
        had_trouble = self._trouble is not None
        try:
            self._pending.result()
            self._trouble = None
        except (OSError, OutputError) as error:
            self._trouble = error
            if not had_trouble:
                self._announce(
                    f"A checkpoint should be written to {self.folder}, but cannot be: "
                    f"{_reason(error)}. Training goes on; the last good checkpoint stays, and the "
                    "next one is tried in its time."
                )
        finally:
            self._pending = None

    def _write(self, checkpoint: Checkpoint) -> None:
        checkpoint.write(self.folder)
        self._after(checkpoint)
        for path in self._damaged:
            path.unlink(missing_ok=True)
        self._damaged = ()
        files = checkpoint_files(self.folder)
        for path in {file.path for file in files} - to_keep(files, checkpoint.history):
            path.unlink(missing_ok=True)


def _is_finite(checkpoint: Checkpoint) -> bool:
    return all(
        bool(torch.isfinite(tensor).all())
        for tensor in checkpoint.part("model").values()
        if tensor.is_floating_point()
    )


def _reason(error: OSError | OutputError) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error).rstrip(".")
