"""An epoch that takes far longer than the fastest of its training is reported, once."""

from __future__ import annotations

import pytest

from clearsight.training.history import Epoch, History
from clearsight.training.recorder import EpochRecorder
from clearsight.training.slow_epochs import SlowEpochs, slow_epoch


def epochs(*seconds: float) -> History:
    return tuple(Epoch(n, 1.0, 0.5, 1.0, 0.5, each, 0.1) for n, each in enumerate(seconds, 1))


@pytest.mark.parametrize(
    ("seconds", "is_slow"),
    [
        ((), False),
        ((30.0,), False),
        ((30.0, 0.5), False),  # the first one also reads the images
        ((0.4, 0.5, 19.0), True),
        ((0.4, 19.0, 0.5), False),
        ((60.0, 100.0, 90.0), False),
        ((60.0, 100.0, 190.0), True),
        ((0.1, 1.5), False),
    ],
)
def test_the_last_epoch_is_slow_if_it_takes_far_longer(
    seconds: tuple[float, ...], is_slow: bool
) -> None:
    assert bool(slow_epoch(epochs(*seconds))) == is_slow


def test_it_is_said_once_and_epochs_before_an_interruption_do_not_count() -> None:
    said: list[str] = []
    recorder = EpochRecorder(epochs(0.1, 0.1))
    reporting = SlowEpochs(recorder, said.append)
    for seconds in (20.0, 21.0, 70.0, 90.0):
        earlier = [epoch.seconds for epoch in recorder.history]
        recorder.history = epochs(*earlier, seconds)
        reporting.on_epoch_end(len(earlier))
    (sentence,) = said
    assert sentence.startswith("Epoch 5 took 70.0 s, the fastest one 20.0 s: another program")
