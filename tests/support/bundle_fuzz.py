"""Opens damaged copies of a bundle in its own process: FOLDER NAME COUNT SEED.

Some bytes of the file NAME are changed, its size and hash are not: they are updated. Prints one
line of JSON: how many were refused, how many opened, and the most memory in MB beyond the first.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from clearsight.bundle.bundle import load
from clearsight.bundle.parity import check_parity
from clearsight.errors import BundleError

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.tampering import update_hashes

_INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF)


def mutate(content: bytes, numbers: random.Random) -> bytes:
    """Change, remove, repeat or insert bytes at one to four places."""
    found = bytearray(content)
    for _ in range(numbers.randint(1, 4)):
        at = numbers.randrange(len(found) + 1)
        if numbers.random() < 0.7:  # where structure is dense
            at = min(at, numbers.choice((200, 2_000, len(found))))
        length = numbers.choice((1, 1, 1, 2, 8, 100))
        kind = numbers.randrange(5)
        if kind == 0:
            found[at : at + 1] = bytes([numbers.choice(_INTERESTING)])
        elif kind == 1 and at < len(found):
            found[at] ^= 1 << numbers.randrange(8)
        elif kind == 2:
            del found[at : at + length]
        elif kind == 3:
            found[at:at] = numbers.randbytes(length)
        else:
            found[at:at] = found[at : at + length]
    return bytes(found)


def main(folder: Path, name: str, count: int, seed: int) -> None:
    numbers = random.Random(seed)
    good = (folder / name).read_bytes()
    num_refused = num_opened = 0
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(shutil.copytree(folder, Path(temporary) / "bundle"))
        images = np.zeros((2, *load(copy).spec.image_shape), np.uint8)
        check_parity(load(copy))
        before = _peak_mb()
        for _ in range(count):
            content = mutate(good, numbers)
            (copy / name).write_bytes(content)
            (Path(temporary) / "last").write_bytes(content)  # for whoever looks into a crash
            if name != "bundle.json":
                update_hashes(copy)
            try:
                bundle = load(copy)
                found = bundle.probabilities(images)
                assert np.allclose(found.sum(axis=1), 1, atol=1e-2)
                check_parity(bundle)
                num_opened += 1
            except BundleError as error:
                if "\n" in str(error):
                    raise
                num_refused += 1
    more_mb = _peak_mb() - before
    print(json.dumps({"refused": num_refused, "opened": num_opened, "more_mb": more_mb}))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
