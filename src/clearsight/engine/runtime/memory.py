"""What to do when memory runs out."""

import gc

import torch

# Messages of torch's allocators, not all of which raise a dedicated type of error.
_MESSAGES = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc")
# Complete messages of oneDNN when the code or the scratch memory of a primitive does not fit. For
# what it does not support, its messages are longer: "could not create a primitive descriptor ...".
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
    """Free what a failed step left in reference cycles, and what torch has cached on a GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
