"""A long training takes no more memory at its end than at its beginning."""

from __future__ import annotations

import statistics
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from support.figures import ReportFigure
from support.training_processes import context

_IMAGES = {"train_limit": 1000, "test_limit": 100}


def _train(answer: Connection, out: Path) -> None:
    import clearsight
    from clearsight.training.checkpoint.saving import SaveCheckpoints

    resident: list[int] = []
    save = SaveCheckpoints.on_epoch_end

    def measured(self: SaveCheckpoints, epoch: int, logs: object = None) -> None:
        save(self, epoch, None)
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        resident.append(int(line.split()[1]))

    SaveCheckpoints.on_epoch_end = measured
    clearsight.train(
        "fashion-mnist",
        epochs=100,
        checkpoint_minutes=0.001,
        out=out,
        report=False,
        bundle=False,
        verbose=False,
        **_IMAGES,
    )
    answer.send(resident)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory as Linux tells it")
def test_a_hundred_epochs_are_flat(tmp_path: Path, report_figure: ReportFigure) -> None:
    receiver, sender = context().Pipe(duplex=False)
    process = context().Process(target=_train, args=(sender, tmp_path / "run"))
    process.start()
    resident = receiver.recv()
    process.join()
    first, last = statistics.mean(resident[:10]), statistics.mean(resident[-10:])
    report_figure(f"resident memory, first and last ten epochs: {first:,.0f} and {last:,.0f} kB")
    assert len(resident) == 100
    assert last == pytest.approx(first, rel=0.02)
