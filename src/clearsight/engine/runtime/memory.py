"""Knowing when memory has run out."""

from __future__ import annotations

import gc

import torch

# What torch's allocators say; not all of them raise an error of a kind of its own.
_SAID = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc")


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell whether an error means that memory ran out, on whatever device.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("out of memory"))
        (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


def let_go_of_memory() -> None:
    """Free what a failed step left in circles, and give a GPU's cached memory back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
