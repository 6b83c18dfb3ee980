"""What the measurements ran on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# What the hardware can do that decides which precision is fast, as Linux names it.
_FLAGS_OF_INTEREST = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
_CAPS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")  # of instructions
_MULTIPLIES_BFLOAT16 = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Machine:
    """A processor.

    Attributes:
        processor: its name.
        num_cores: cores that this process may use.
        flags: those of `_FLAGS_OF_INTEREST` that it has.
        system: operating system and its version.
    """

    processor: str
    num_cores: int
    flags: tuple[str, ...]
    system: str

    @property
    def bfloat16_is_fast(self) -> bool:
        """Whether bfloat16 is multiplied in hardware rather than emulated.

        Torch is kept from newer instructions by ATEN_CPU_CAPABILITY, and oneDNN, which TensorFlow
        uses too, by ONEDNN_MAX_CPU_ISA; the benchmarks may be run with both.
        """
        if os.environ.get("ATEN_CPU_CAPABILITY", "avx512") != "avx512":
            return False
        return bool(_MULTIPLIES_BFLOAT16.intersection(self.flags))

    def __str__(self) -> str:
        cores = f"{self.num_cores} core{'s' if self.num_cores > 1 else ''}"
        caps = [f"{name}={os.environ[name]}" for name in _CAPS if name in os.environ]
        flags = ", ".join(self.flags) or "no vector flags known"
        return " with ".join([f"{cores} of {self.processor} ({flags})", *caps])


@cache
def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    described = _processor_description()
    flags = described.get("flags", "").split()
    return Machine(
        processor=described.get("model name") or platform.processor() or platform.machine(),
        num_cores=_num_cores(),
        flags=tuple(flag for flag in _FLAGS_OF_INTEREST if flag in flags),
        system=platform.platform(),
    )


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_description() -> dict[str, str]:
    """Read the first processor's lines of /proc/cpuinfo; empty on systems without that file."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
