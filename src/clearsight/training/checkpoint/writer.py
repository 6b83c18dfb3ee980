"""Write checkpoints in the background, and remove those that are no longer needed."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import torch

from clearsight.errors import OutputError
from clearsight.io.temporary import remove_leftovers
from clearsight.option_names import for_reader
from clearsight.training.checkpoint.checkpoint import (
    Checkpoint,
    checkpoint_files,
    checkpoints_to_keep,
)


class CheckpointWriter(AbstractContextManager["CheckpointWriter"]):
    """Writes checkpoints in a background thread, one at a time.

    A checkpoint that cannot be written is announced and the training continues: the last intact
    ones remain, and the next one may succeed. Use it as a context manager.

    Args:
        folder: where the files go.
        announce: shows a sentence to the user.
        after: called in the thread with each checkpoint that has been written.
        damaged: damaged files, removed once a new checkpoint has been written.
    """

    def __init__(
        self,
        folder: Path,
        announce: Callable[[str], None],
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
        self._failure: OSError | OutputError | None = None
        remove_leftovers(folder)
        files = checkpoint_files(folder)
        self._number = files[-1].number if files else 0

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A second Ctrl-C leaves at once, without waiting for a checkpoint that is half written.
        is_hurried = kind is KeyboardInterrupt
        self._thread.shutdown(wait=not is_hurried, cancel_futures=is_hurried)

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._pending is not None and not self._pending.done()

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, after waiting for the previous one; one that has diverged is dropped.

        It is checked here and not in the writing thread, which must compute nothing with torch: it
        would get its own team of OpenMP threads, and with more such threads than cores all of them
        sleep between two operations instead of spinning, which made a training step take half as
        long again.
        """
        self.wait()
        variables = checkpoint.tensors_of("model").values()
        if all(bool(torch.isfinite(each).all()) for each in variables if each.is_floating_point()):
            self._number += 1
            self._pending = self._thread.submit(
                self._write, replace(checkpoint, number=self._number)
            )

    def finish(self) -> None:
        """Wait for the checkpoint that is being written.

        Raises:
            OutputError: if the last checkpoint could not be written.
        """
        self.wait()
        if self._failure is not None:
            raise OutputError(
                f"The last checkpoint should be written to {self.folder}, but cannot be: "
                f"{_reason(self._failure)}. The checkpoints before it are intact: free disk space "
                f"or make the folder writable, then resume with "
                f"{for_reader('--resume', 'clearsight.resume')}."
            ) from self._failure

    def wait(self) -> None:
        """Wait for the checkpoint that is being written; announce the first of several failures."""
        if self._pending is None:
            return
        had_failed = self._failure is not None
        try:
            self._pending.result()
            self._failure = None
        except (OSError, OutputError) as error:
            self._failure = error
            if not had_failed:
                self._announce(
                    f"A checkpoint should be written to {self.folder}, but cannot be: "
                    f"{_reason(error)}. Training continues; the last intact checkpoint remains, "
                    "and the next one will be tried when it is due."
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
        for path in {file.path for file in files} - checkpoints_to_keep(files, checkpoint.history):
            path.unlink(missing_ok=True)


def _reason(error: OSError | OutputError) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error).rstrip(".")
