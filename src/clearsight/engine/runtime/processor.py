"""What this machine's processor can do."""

from typing import Literal

import torch


def cpu_supports(instructions: Literal["avx512_bf16", "amx_tile"]) -> bool:
    """Return whether this machine's processor has these instructions."""
    # Torch has no public way to ask, and on other machines it lacks even this one.
    return getattr(torch.cpu, f"_is_{instructions}_supported", bool)()
