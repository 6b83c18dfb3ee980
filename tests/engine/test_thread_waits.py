"""Threads wait without spinning while other processes need the cores, and as torch does else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch

from clearsight.engine.runtime.idle_threads import IdleThreads
from clearsight.engine.runtime.thread_waits import Clocks, ThreadWaits

needs_libgomp = pytest.mark.skipif(sys.platform != "linux", reason="torch brings another library")


@dataclass
class Machine:
    """Steps that take as long as the waits allow; other processes come and go."""

    is_shared: bool = False
    wall: float = 0.0

    def run(self, waits: ThreadWaits, duration: float, name: str = "train") -> int:
        """Make steps for so many seconds, and return how many."""
        end, num_steps = self.wall + duration, 0
        while self.wall < end:
            is_short = waits.waits == "short"
            if self.is_shared:
                seconds = 0.010 if is_short else 0.030
            else:
                seconds = 0.007 if is_short else 0.005
            self.wall += seconds
            on_cores = 0.6 if self.is_shared or is_short else 1.0
            waits.add_step(name, seconds, seconds * on_cores * torch.get_num_threads())
            num_steps += 1
        return num_steps


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def waits(machine: Machine) -> ThreadWaits:
    return ThreadWaits(Clocks(wall=lambda: machine.wall))


def test_on_an_idle_machine_nothing_is_tried(machine: Machine, waits: ThreadWaits) -> None:
    with waits.in_loop("train"):
        assert machine.run(waits, 60) == pytest.approx(12_000, abs=2)
    assert waits.waits == "long"


def test_waits_follow_other_processes_that_come_and_go(
    machine: Machine, waits: ThreadWaits
) -> None:
    with waits.in_loop("train"):
        machine.run(waits, 5)
        machine.is_shared = True
        assert machine.run(waits, 60) > 0.9 * 60 / 0.010
        assert waits.waits == "short"
        machine.is_shared = False
        machine.run(waits, 31)
        assert waits.waits == "long"
        assert machine.run(waits, 30) > 0.97 * 30 / 0.005


def test_validation_between_epochs_changes_nothing(machine: Machine, waits: ThreadWaits) -> None:
    machine.is_shared = True
    with waits.in_loop("train"):
        for _ in range(40):
            machine.run(waits, 0.1)
            with waits.in_loop("evaluate"):
                machine.run(waits, 0.05, "evaluate")
        assert waits.waits == "short"


def test_what_was_best_is_remembered_for_the_next_loop(
    machine: Machine, waits: ThreadWaits
) -> None:
    machine.is_shared = True
    with waits.in_loop("train"):
        machine.run(waits, 3)
    assert waits.waits == "short"
    with waits.in_loop("train"):
        assert machine.run(waits, 1.5) > 0.9 * 1.5 / 0.010


_SPINNING = """
import time, torch
from clearsight.engine.runtime.idle_threads import IdleThreads, can_shorten_waits
torch.set_num_threads(2)
def seconds_of_other_threads():
    x = torch.ones(200_000)
    cpu, own = time.process_time(), time.thread_time()
    for _ in range(100):
        x.add_(1.0)
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end: pass
    return (time.process_time() - cpu) - (time.thread_time() - own)
if can_shorten_waits():
    seconds_of_other_threads()
    before = seconds_of_other_threads()
    threads = IdleThreads()
    during = seconds_of_other_threads()
    threads.end()
    print(before > 2 * during and seconds_of_other_threads() > 2 * during)
else:
    print("left alone")
"""


@needs_libgomp
@pytest.mark.parametrize(
    ("settings", "expected"), [({}, "True"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "left alone")]
)
def test_idle_threads_end_the_spinning_unless_the_user_has_set_it(
    settings: dict[str, str], expected: str
) -> None:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    finished = subprocess.run(
        [sys.executable, "-c", _SPINNING],
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == expected


@needs_libgomp
def test_idle_threads_change_no_number() -> None:
    x = torch.randn(300, 400, generator=torch.Generator().manual_seed(0))
    expected = torch.softmax(x @ x.T, -1).sum()
    threads = IdleThreads()
    torch.testing.assert_close(torch.softmax(x @ x.T, -1).sum(), expected, rtol=0, atol=0)
    threads.end()
