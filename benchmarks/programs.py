"""The table of programs that are measured, and which of them does which task."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "clearsight"


@dataclass(frozen=True)
class Program:
    """A program that is measured.

    Attributes:
        name: what it is called in tables.
        module: its file in `peers`, which is run as ``python -m peers.MODULE``.
        environment: a row of `environments.ENVIRONMENTS`, or None for the project's own.
        tasks: what it can do.
    """

    name: str
    module: str
    tasks: tuple[str, ...]
    environment: str | None = None


PROGRAMS = (
    Program(OURS, "accelerated_keras", ("reference", "predict", "resnet", "network")),
    Program("hand-tuned PyTorch", "hand_tuned_pytorch", ("reference", "resnet")),
    Program("hand-tuned PyTorch", "hand_tuned_networks", ("network",)),
    Program("PyTorch, DataLoader", "plain_pytorch", ("reference",)),
    Program("Lightning", "lightning_trainer", ("reference",), "lightning"),
    Program("Keras on TensorFlow", "keras_tensorflow", ("reference", "predict", "network"), "tf"),
    Program("Keras on torch", "keras_torch", ("reference", "predict", "resnet", "network")),
    Program("machine", "machine_peak", ("machine_peak",)),
)


def programs_for(task: str) -> tuple[Program, ...]:
    """Return the programs that do a task, in the order of the table."""
    return tuple(program for program in PROGRAMS if task in program.tasks)
