"""Report an epoch that takes far longer than the fastest of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.history import History
from clearsight.training.recorder import EpochRecorder

# Epochs of one training take about equally long, except next to another job, where they took 2 to
# 60 times as long; less than two seconds more does not matter.
_TIMES_AS_LONG = 3
_SECONDS_MORE = 2.0


class SlowEpochs(keras.callbacks.Callback):
    """Reports once that an epoch takes far longer than the fastest, and what to do.

    Args:
        recorder: records the epochs, and is called before.
        announce: shows a sentence to the user.
    """

    def __init__(self, recorder: EpochRecorder, announce: Callable[[str], None]) -> None:
        super().__init__()
        self._recorder = recorder
        self._announce = announce
        self._num_earlier = len(recorder.history)
        self._is_reported = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the epoch if it is the first slow one."""
        del epoch, logs
        sentence = slow_epoch(self._recorder.history[self._num_earlier :])
        if sentence and not self._is_reported:
            self._is_reported = True
            self._announce(sentence)


def slow_epoch(epochs: History) -> str:
    """Return a sentence if the last of these epochs took far longer than the fastest; "" else.

    Args:
        epochs: of one process; those before it was interrupted may have had another machine.

    Example:
        >>> from clearsight.training.history import Epoch
        >>> times = enumerate((0.6, 0.5, 19.0), start=1)
        >>> rows = [Epoch(n, 1.0, 0.5, 1.0, 0.5, seconds, 0.1) for n, seconds in times]
        >>> slow_epoch(tuple(rows))
        'Epoch 3 took 19.0 s, the fastest one 0.5 s: another program probably needs the same ...'
    """
    if not epochs:
        return ""
    last, fastest = epochs[-1], min(epoch.seconds for epoch in epochs)
    if last.seconds < max(_TIMES_AS_LONG * fastest, fastest + _SECONDS_MORE):
        return ""
    return (
        f"Epoch {last.epoch} took {last.seconds:.1f} s, the fastest one {fastest:.1f} s: another "
        "program probably needs the same cores. Pause or end it, or run one after the other; the "
        "numbers of this training do not depend on it."
    )
