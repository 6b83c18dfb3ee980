"""What to do when memory runs out."""

import gc

import torch

# Messages of torch's allocators, not all of which raise an error of a type of its own.
_MESSAGES = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc")
# Whole messages of oneDNN, when the code or the scratch memory of a primitive does not fit. What it
# does not support at all has other ones, "could not create a primitive descriptor ...".
_ONEDNN_MESSAGES = ("could not create a primitive", "could not create a memory object")


def is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether an error means that memory ran out, on any device.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("out of memory"))
        (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and (
        message in _ONEDNN_MESSAGES or any(words in message for words in _MESSAGES)
    )


def release_memory() -> None:
    """Free what a failed step left in reference cycles, and what torch caches on a GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
