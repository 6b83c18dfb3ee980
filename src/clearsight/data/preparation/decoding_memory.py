"""The memory of images that are decoded side by side: of large ones, one at a time.

Small ones together take no more than an eighth of the memory, whatever the number of decoders; a
large one may take more than that alone, and so waits until no other one is being decoded.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from clearsight.io.machine import memory_bytes, num_cores

# Called with the bytes that decoding an image takes, it returns when they may be used.
Reserve = Callable[[int], None]

_one_large_image = threading.Lock()  # memory is the process's, and so is this


@contextmanager
def decoding_memory(lock_file: Path | None = None) -> Iterator[Reserve]:
    """Yield a function that waits until an image may be decoded; it is done when the block ends.

    All threads of this process share the memory, and all processes that give the same lock file,
    which is created if an image needs it. There are at most as many of them as cores.
    """
    with ExitStack() as stack:

        def reserve(size_bytes: int) -> None:
            if size_bytes <= bytes_per_decoder():
                return
            stack.enter_context(_one_large_image)
            if lock_file is not None:
                from filelock import FileLock

                with suppress(OSError, NotImplementedError):  # on a file system without locks
                    stack.enter_context(FileLock(lock_file))

        yield reserve


@cache
def bytes_per_decoder() -> int:
    """Return the memory of each decoder, for images that wait for no other."""
    return memory_bytes() // 8 // num_cores()
