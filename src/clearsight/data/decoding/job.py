"""`DecodeJob`: images that one process decodes into arrays on disk."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clearsight.data.decoding.arrays import HIGHEST, LOWEST, NUM_OUTSIDE, open_arrays
from clearsight.data.image_set import DIGEST_BYTES, image_digests
from clearsight.data.listing import Reader
from clearsight.data.preparation.decoding_memory import decoding_memory
from clearsight.data.preparation.pixel_range import find_extremes
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.read_image import ImageInFile, read_image
from clearsight.errors import DataError

_BLOCK_BYTES = 1 << 19  # images written at once


@dataclass(frozen=True, eq=False)
class DecodeJob:
    """Images to decode.

    Attributes:
        reader: reads their bytes.
        preparation: resizes them; if it has no pixel range, deep images are only measured.
        keys: N keys for the reader.
        rows: int64 (N,), the row of the arrays that each image goes to.
        folder: the folder of the arrays.
        number: the job's number among those that share the folder.
    """

    reader: Reader
    preparation: Preparation
    keys: tuple[str, ...]
    rows: np.ndarray
    folder: Path
    number: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, indices: np.ndarray, number: int = 0) -> "DecodeJob":
        """Return the job of the images at `indices`, integers (M,)."""
        keys = tuple(self.keys[index] for index in indices)
        return replace(self, keys=keys, rows=self.rows[indices], number=number)

    @property
    def events_path(self) -> Path:
        """The file of the events of `run_job`, one JSON value a line: row, or [row, problem]."""
        return self.folder / f"events-{self.number}.jsonl"


def run_job(job: DecodeJob) -> Iterator[int | tuple[int, str]]:
    """Decode the images of a job into its rows.

    Yields:
        Each row before its image is decoded; again with the problem if the image is bad.
    """
    block = _Block(job)
    row_of = dict(zip(job.keys, job.rows.tolist(), strict=True))
    fit_for = (job.preparation.height, job.preparation.width)
    lock_file = job.folder / "large-image.lock"
    for key, content in job.reader.each(job.keys):
        row = row_of[key]
        yield row
        try:
            if isinstance(content, DataError):
                raise content
            digest = hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
            with decoding_memory(lock_file) as reserve:
                image = read_image(content, name=key, fit_for=fit_for, reserve=reserve)
                block.add(row, image, digest)
                del image
        except DataError as error:
            yield row, str(error)
    block.write()


class _Block:
    """A buffer of decoded images: writing many at once is faster.

    A row's digest is written last. If the process dies, the rows of its last block have no digest
    and are decoded again.
    """

    def __init__(self, job: DecodeJob) -> None:
        self._preparation = job.preparation
        self._arrays = open_arrays(job.folder, "r+")
        shape = self._arrays.images.shape[1:]
        num_rows = min(max(_BLOCK_BYTES // math.prod(shape), 1), len(job.keys))
        self._buffer = np.empty((num_rows, *shape), np.uint8)
        self._rows: list[int] = []
        self._facts: list[tuple[int, ...]] = []

    def add(self, row: int, found: ImageInFile, content: bytes) -> None:
        image = found.pixels
        self._arrays.contents[row] = np.frombuffer(content, np.uint8)
        pixel_range = self._preparation.pixel_range
        is_deep, num_outside = image.dtype != np.uint8, 0
        pixels: np.ndarray | int = 0
        if is_deep:
            self._arrays.extremes[row] = find_extremes(image[None])[0]
            num_outside = 0 if pixel_range is None else pixel_range.count_outside(image)
        if pixel_range is not None or not is_deep:
            pixels = self._preparation.fit_image(image)
        self._buffer[len(self._rows)] = pixels
        self._rows.append(row)
        loses_colour = self._preparation.loses_colour(image)
        flags = (found.has_more_frames, found.damage is not None, found.is_reduced, loses_colour)
        self._facts.append((*found.size, image.shape[-1] > 1, is_deep, *flags, num_outside))
        if len(self._rows) == len(self._buffer):
            self.write()

    def write(self) -> None:
        if not self._rows:
            return
        images, digests, facts, *_ = self._arrays
        rows, block = np.array(self._rows), self._buffer[: len(self._rows)]
        pixels = block.reshape(len(rows), -1)
        images[rows] = block
        facts[rows, : NUM_OUTSIDE + 1] = self._facts
        facts[rows, LOWEST] = pixels.min(axis=1)
        facts[rows, HIGHEST] = pixels.max(axis=1)
        digests[rows] = image_digests(block)
        self._rows.clear()
        self._facts.clear()
