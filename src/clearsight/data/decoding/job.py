"""`Job`: some images to decode into the rows of arrays on disk, by whichever process.

The arrays lie in one folder, so that processes share them without sending images to each other.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from clearsight.data.image_set import DIGEST_BYTES
from clearsight.data.listing import Reader
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import DataError

# What is noted of each image, by column of facts.npy.
HEIGHT, WIDTH, IS_COLOUR, LOWEST, HIGHEST = range(5)
NUM_FACTS = 5

ARRAYS = ("images", "digests", "facts")

_BLOCK_BYTES = 1 << 19  # of images that are written at once


@dataclass(frozen=True)
class Job:
    """Images to decode.

    Attributes:
        reader: gets at their bytes.
        preparation: what each is brought to.
        keys: which images.
        rows: which row of the arrays each goes to.
        folder: where the arrays are.
        number: of this job among those that share the folder.
    """

    reader: Reader
    preparation: Preparation
    keys: tuple[str, ...]
    rows: tuple[int, ...]
    folder: str
    number: int

    def to_json(self) -> str:
        """Return the job as one line for another process."""
        kind, reader = type(self.reader), self.reader
        return json.dumps(
            {
                "reader": [kind.__module__, kind.__qualname__, asdict(reader)],  # pyright: ignore[reportArgumentType] - readers are dataclasses
                "preparation": self.preparation.to_json(),
                "keys": self.keys,
                "rows": self.rows,
                "folder": self.folder,
                "number": self.number,
            }
        )

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote."""
        values = json.loads(line)
        module, name, arguments = values["reader"]
        return cls(
            reader=getattr(importlib.import_module(module), name)(**arguments),
            preparation=Preparation.from_json(values["preparation"]),
            keys=tuple(values["keys"]),
            rows=tuple(values["rows"]),
            folder=values["folder"],
            number=values["number"],
        )

    @property
    def problems_path(self) -> Path:
        """Where the job writes what could not be decoded: a JSON list [row, problem] a line."""
        return Path(self.folder) / f"problems-{self.number}.jsonl"


def make_arrays(folder: Path, num_images: int, shape: tuple[int, int, int]) -> None:
    """Make the arrays of a folder, their space on disk taken at once.

    Args:
        folder: an empty one.
        num_images: N.
        shape: height, width and channels.

    Raises:
        OSError: when the disk is too full.
    """
    for name, dtype, row in (
        ("images", np.uint8, shape),
        ("digests", np.uint8, (DIGEST_BYTES,)),
        ("facts", np.int32, (NUM_FACTS,)),
    ):
        path = folder / f"{name}.npy"
        array = np.lib.format.open_memmap(path, "w+", dtype, (num_images, *row))
        array.flush()
        if hasattr(os, "posix_fallocate"):
            with path.open("rb+") as file:
                # Otherwise a full disk would kill the process that writes to the map.
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def open_arrays(folder: Path, mode: Any = "r+") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Map the arrays of a folder: images uint8 (N, H, W, C), digests uint8 (N, 16), facts int32
    (N, 5).
    """
    images, digests, facts = (np.load(folder / f"{name}.npy", mode) for name in ARRAYS)
    return images, digests, facts


def execute(job: Job, at_each: Callable[[int], None]) -> None:
    """Decode the images of a job into its rows.

    Args:
        job: what to decode.
        at_each: called with each image's row before it is decoded.
    """
    block = _Block(job)
    row_of = dict(zip(job.keys, job.rows, strict=True))
    with job.problems_path.open("a", encoding="utf-8", errors="surrogateescape") as problems:
        for key, content in job.reader.each(job.keys):
            row = row_of[key]
            at_each(row)
            try:
                if isinstance(content, DataError):
                    raise content
                block.add(row, *job.preparation.read_sized(content, key))
            except DataError as error:
                problems.write(f"{json.dumps([row, str(error)])}\n")
                problems.flush()
    block.write()


class _Block:
    """Decoded images on their way to the arrays, some at once: it is quicker than one by one.

    A row's digest is written last. A process that dies takes at most a block with it, whose digests
    then tell that they are still to be decoded.
    """

    def __init__(self, job: Job) -> None:
        maps = open_arrays(Path(job.folder))
        self._images, self._digests, self._facts = (np.asarray(array) for array in maps)
        image = self._images.shape[1:]
        num_rows = min(max(_BLOCK_BYTES // math.prod(image), 1), len(job.keys))
        self._images = np.empty((num_rows, *image), np.uint8)
        self._rows: list[int] = []
        self._sizes: list[tuple[int, int, bool]] = []

    def add(self, row: int, image: np.ndarray, size: tuple[int, int], is_colour: bool) -> None:
        self._images[len(self._rows)] = image
        self._rows.append(row)
        self._sizes.append((*size, is_colour))
        if len(self._rows) == len(self._images):
            self.write()

    def write(self) -> None:
        if not self._rows:
            return
        rows, images = np.array(self._rows), self._images[: len(self._rows)]
        values = images.reshape(len(rows), -1)
        self._images[rows] = images
        self._facts[rows, : IS_COLOUR + 1] = self._sizes
        self._facts[rows, LOWEST] = values.min(axis=1)
        self._facts[rows, HIGHEST] = values.max(axis=1)
        digests = b"".join(
            hashlib.blake2b(image.data, digest_size=DIGEST_BYTES).digest() for image in values
        )
        self._digests[rows] = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
        self._rows.clear()
        self._sizes.clear()
