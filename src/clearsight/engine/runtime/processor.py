"""What this machine's processor can do."""

from typing import Literal

import torch

Instructions = Literal["avx2", "avx512_bf16", "amx_tile"]


def cpu_supports(instructions: Instructions) -> bool:
    """Return whether the processor has these instructions and torch is to use them.

    The environment variable ATEN_CPU_CAPABILITY can keep torch, and so the engine, from those that
    are newer than its value.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability == "DEFAULT" or (capability != "AVX512" and instructions != "avx2"):
        return False
    # Torch has no public way to ask, and on other machines it lacks even this one.
    return getattr(torch.cpu, f"_is_{instructions}_supported", bool)()
