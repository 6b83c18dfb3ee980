"""``split.csv``: which image of the source was used for what, by index and content."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from clearsight.data.image_set import DIGEST_BYTES, ImageSet
from clearsight.data.listing import PARTS
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit
from clearsight.errors import RunError
from clearsight.io.csv_file import write_csv
from clearsight.io.csv_rows import read_rows
from clearsight.run.store.files import open_csv

Key = tuple[str, str]  # an image's content, as `UsedImage.digest`, and its class
COLUMNS = ("used_for", "part", "index", "digest", "class", "name")
_DIGEST = re.compile(f"[0-9a-f]{{{2 * DIGEST_BYTES}}}")
_INDEX = re.compile("[0-9]{1,12}")


@dataclass(frozen=True)
class UsedImage:
    """One image of a run.

    Attributes:
        used_for: "train", "validation" or "test".
        part: of the source, "train", "validation" or "test".
        index: within that part.
        digest: BLAKE2b of its pixels, in hexadecimal.
        class_name: its true class.
        name: in its source, or "".
    """

    used_for: str
    part: str
    index: int
    digest: str
    class_name: str
    name: str

    @property
    def key(self) -> Key:
        """Its content and class."""
        return self.digest, self.class_name


def image_keys(images: ImageSet) -> list[Key]:
    """Return the content and class of each image."""
    joined, width = images.digests.tobytes().hex(), 2 * images.digests.shape[1]
    digests = (joined[start : start + width] for start in range(0, len(joined), width))
    names = (images.class_names[label] for label in images.labels.tolist())
    return list(zip(digests, names, strict=True))


def list_images(splits: Splits) -> list[UsedImage]:
    """Return all images of a source, each as used for its own part."""
    return [
        UsedImage(*row)
        for part, images in splits.parts.items()
        for row in _rows(part, part, images, np.arange(len(images)))
    ]


def write_split(splits: Splits, split: ValidationSplit, path: Path) -> None:
    """Write which image of a run is used for what, one per row."""
    held_out_of = "train" if splits.validation is None else "validation"
    used = [("train", "train", split.train), ("validation", held_out_of, split.validation)]
    if splits.test:
        used.append(("test", "test", np.arange(len(splits.test))))
    parts = (_rows(used_for, part, splits.parts[part], rows) for used_for, part, rows in used)
    write_csv(COLUMNS, chain.from_iterable(parts), path)


def _rows(
    used_for: str, part: str, images: ImageSet, indices: np.ndarray
) -> Iterator[tuple[str, str, int, str, str, str]]:
    names = images.names or ("",) * len(images)
    keys = image_keys(images)
    for index in indices.tolist():
        yield used_for, part, index, *keys[index], names[index]


def read_split(path: Path) -> tuple[UsedImage, ...]:
    """Read what `write_split` wrote.

    Raises:
        RunError: when the file is missing or has another form.
    """
    try:
        with open_csv(path) as file:
            rows = read_rows(file)
            if tuple(next(rows)) != COLUMNS:
                raise ValueError("it has other columns")
            return tuple(_read_row(row, number) for number, row in enumerate(rows, 1))
    except (OSError, StopIteration, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or "it is empty"
        raise RunError(
            f"{path} should list the images that a run used, with the columns "
            f"{', '.join(COLUMNS)}, but cannot be read: {reason}."
        ) from error


def _read_row(row: list[str], number: int) -> UsedImage:
    if len(row) != len(COLUMNS):
        raise ValueError(f"row {number} has {len(row)} cells")
    used_for, part, index, digest, class_name, name = row
    is_valid = used_for in PARTS and part in PARTS and _INDEX.fullmatch(index)
    if not (is_valid and _DIGEST.fullmatch(digest)):
        raise ValueError(f"row {number} names no image of a source")
    return UsedImage(used_for, part, int(index), digest, class_name, name)


def find_images(used: tuple[UsedImage, ...], splits: Splits) -> dict[str, np.ndarray] | None:
    """Find images of a run in its source as it is now, by content and class.

    Returns:
        For each part int64 indices of those found in it, in the order of `used`; None if an image
        is gone.
    """
    positions: dict[Key, list[tuple[str, int]]] = {}
    for part, images in splits.parts.items():
        for index, key in enumerate(image_keys(images)):
            positions.setdefault(key, []).append((part, index))
    found: dict[str, list[int]] = {part: [] for part in splits.parts}
    for image in used:
        candidates = positions.get(image.key)
        if not candidates:
            return None
        # Of duplicates the one at the old position, so that each is found once.
        old = (image.part, image.index)
        part, index = old if old in candidates else candidates[0]
        found[part].append(index)
    return {part: np.array(indices, dtype=np.int64) for part, indices in found.items()}
