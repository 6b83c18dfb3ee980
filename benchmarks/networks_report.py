"""The tables of `networks.py`, and everything that was measured as JSON."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from comparison import Spread
from machine import Machine
from markdown_table import markdown_table
from network_limits import MachineLimits, Work
from programs import OURS

NOTHING = "–"


@dataclass(frozen=True)
class SystemResult:
    """The measurements of one system on one network.

    Attributes:
        turns: seconds of each turn, in the order of the rounds, by what was done.
        ready: what it measured before its first turn.
        failure: why it stopped, or None.
    """

    system: str
    turns: dict[str, tuple[float, ...]] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    failure: str | None = None

    def with_turn(self, work: str, seconds: float) -> SystemResult:
        """Return the same with one more turn."""
        return replace(self, turns={**self.turns, work: (*self.turns.get(work, ()), seconds)})


@dataclass(frozen=True)
class NetworkResult:
    """The measurements of all systems on one network.

    Attributes:
        num_images: in one turn.
        work: for one image.
    """

    name: str
    title: str
    batch_size: int
    num_images: int
    work: Work
    systems: tuple[SystemResult, ...]

    def images_per_second(self, system: str, work: str) -> Spread | None:
        """Return the spread over the rounds; None if it was not measured."""
        turns = self.of(system).turns.get(work, ())
        return Spread.of([self.num_images / seconds for seconds in turns]) if turns else None

    def ratio(self, peer: str, work: str) -> float | None:
        """Return how many times as fast as a peer clearsight is: the median over rounds."""
        ours, theirs = self.of(OURS).turns.get(work, ()), self.of(peer).turns.get(work, ())
        ratios = [peers / own for own, peers in zip(ours, theirs, strict=False)]
        return statistics.median(ratios) if ratios else None

    def of(self, system: str) -> SystemResult:
        """Return what one system measured; nothing if it did not take part."""
        found = (each for each in self.systems if each.system == system)
        return next(found, SystemResult(system))

    def as_line(self) -> str:
        """Return the speeds in one line, to show while the others are measured."""
        parts = []
        for system in self.systems:
            spreads = [self.images_per_second(system.system, work) for work in system.turns]
            numbers = " / ".join(_number(spread.median) for spread in spreads if spread)
            parts.append(f"{system.system} {system.failure or numbers}")
        return f"{self.name}: {', '.join(parts)} images/s"


@dataclass(frozen=True)
class NetworksReport:
    """The results of all networks so far.

    Attributes:
        load_before: processes that wanted a core in the minute before, on average.
        systems: in the order of the columns.
    """

    machine: Machine
    limits: MachineLimits | None
    load_before: float
    num_rounds: int
    systems: tuple[str, ...]
    networks: tuple[NetworkResult, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return everything, down to each turn."""
        return {**asdict(self), "versions": self._versions()}

    def as_markdown(self) -> str:
        """Return the tables, and what they were measured on."""
        parts = [self._speeds("training"), self._speeds("prediction")]
        if self.limits is not None and OURS in self.systems:
            parts.append(self._limits(self.limits))
        parts.append(self._circumstances())
        parts += [
            f"Failed: {system.system}, {network.title}: {system.failure}"
            for network in self.networks
            for system in network.systems
            if system.failure
        ]
        return "\n\n".join(parts) + "\n"

    def _speeds(self, work: str) -> str:
        peers = [system for system in self.systems if system != OURS]
        rows = []
        for network in self.networks:
            ours = network.images_per_second(OURS, work)
            speed = NOTHING
            if ours is not None:
                speed = f"{_number(ours.median)} ({_number(ours.least)} to {_number(ours.most)})"
            cells = [_against(network, peer, work) for peer in peers]
            rows.append([f"{network.title}, {network.batch_size}", speed, *cells])
        medians = [[network.ratio(peer, work) for network in self.networks] for peer in peers]
        known = [[ratio for ratio in ratios if ratio is not None] for ratios in medians]
        summary = [f"{statistics.median(r):.2f}x" if r else NOTHING for r in known]
        rows.append(["median of all", "", *summary])
        header = [f"{work}: network, batch size", "clearsight, images/s"]
        return markdown_table([*header, *[f"times {peer}" for peer in peers]], rows)

    def _limits(self, limits: MachineLimits) -> str:
        rows = []
        for network in self.networks:
            speeds = [network.images_per_second(OURS, w) for w in ("training", "prediction")]
            if None in speeds:
                continue
            work, (training, prediction) = network.work, [s.median if s else 0.0 for s in speeds]
            rows.append(
                [
                    network.title,
                    _with_percentage(work.training_flops * training, limits.matmul_gflops),
                    _with_percentage(work.training_bytes * training, limits.gigabytes_per_second),
                    _with_percentage(work.prediction_flops * prediction, limits.matmul_gflops),
                    _with_percentage(
                        work.prediction_bytes * prediction, limits.gigabytes_per_second
                    ),
                    _first_step(network.of(OURS)),
                ]
            )
        header = [
            "clearsight",
            "training: GFLOP/s", "training: GB/s",
            "prediction: GFLOP/s", "prediction: GB/s",
            "first step, s longer",
        ]  # fmt: skip
        return markdown_table(header, rows)

    def _circumstances(self) -> str:
        limits = ""
        if self.limits is not None:
            limits = (
                f" The machine reaches {self.limits.matmul_gflops:,.0f} GFLOP/s in a matrix "
                f"product, and copies {self.limits.gigabytes_per_second:,.0f} GB/s (read and "
                "written); percentages are of these."
            )
        versions = ", ".join(f"{name} {number}" for name, number in self._versions().items())
        return (
            f"Medians of {self.num_rounds} rounds (least to most); in brackets the peer's images/s."
            " Each system is a process of its own, and they take turns within each round, on "
            f"{self.machine}; {versions}.{limits}"
        )

    def _versions(self) -> dict[str, str]:
        """Return every package's version; systems that differ in one are both named."""
        found: dict[str, set[str]] = {}
        for network in self.networks:
            for system in network.systems:
                for name, number in system.versions.items():
                    found.setdefault(name, set()).add(number)
        return {name: " and ".join(sorted(numbers)) for name, numbers in sorted(found.items())}


def _against(network: NetworkResult, peer: str, work: str) -> str:
    ratio, speed = network.ratio(peer, work), network.images_per_second(peer, work)
    if speed is None:
        return NOTHING
    times = f"{ratio:.2f}x " if ratio is not None else ""
    return f"{times}({_number(speed.median)})"


def _with_percentage(per_second: float, limit: float) -> str:
    """Return how many billions a second this is, and what percentage of a limit."""
    return f"{_number(per_second / 1e9)} ({per_second / 1e9 / limit:.0%})"


def _first_step(system: SystemResult) -> str:
    first, second = (system.ready.get(f"{n}_fit_seconds") for n in ("first", "second"))
    return NOTHING if first is None or second is None else f"{first - second:.2f}"


def _number(value: float) -> str:
    """Return a number with three significant digits."""
    for bound, decimals in ((100, 0), (10, 1)):
        if value >= bound:
            return f"{value:,.{decimals}f}"
    return f"{value:.2f}"
