"""``split.csv``: which image of the source was used for what, by number and by content."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit
from clearsight.errors import RunError
from clearsight.io.atomic import write_atomically

COLUMNS = ("used_for", "part", "index", "digest", "class", "name")


@dataclass(frozen=True)
class UsedImage:
    """One image of a run.

    Attributes:
        used_for: "train", "validation" or "test".
        part: of the source, "train", "validation" or "test".
        index: its number within that part.
        digest: BLAKE2b of its pixels, in hexadecimal.
        class_name: its true class.
        name: what the source calls it, or "".
    """

    used_for: str
    part: str
    index: int
    digest: str
    class_name: str
    name: str


def write_split(splits: Splits, split: ValidationSplit, path: Path) -> None:
    """Write which images were used for what, one a row.

    Args:
        splits: the images of the run, limits applied.
        split: which of them validate.
        path: of ``split.csv``.
    """
    validation, part = splits.train, "train"
    if splits.validation is not None:
        validation, part = splits.validation, "validation"
    with write_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:  # fmt: skip  # noqa: E501
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows("train", "train", splits.train, split.train))
        writer.writerows(_rows("validation", part, validation, split.validation))
        if splits.test is not None:
            writer.writerows(_rows("test", "test", splits.test, np.arange(len(splits.test))))


def _rows(
    used_for: str, part: str, images: ImageSet, indices: np.ndarray
) -> Iterator[tuple[str, str, int, str, str, str]]:
    names = images.names or ("",) * len(images)
    digests = images.digests
    for index in indices.tolist():
        kind = images.class_names[images.labels[index]]
        yield used_for, part, index, digests[index].tobytes().hex(), kind, names[index]


def read_split(path: Path) -> tuple[UsedImage, ...]:
    """Read what `write_split` wrote.

    Raises:
        RunError: when the file is absent or not of that form.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = csv.reader(file)
            if tuple(next(rows)) != COLUMNS:
                raise ValueError("other columns")
            return tuple(
                UsedImage(used_for, part, int(index), digest, kind, name)
                for used_for, part, index, digest, kind, name in rows
            )
    except (OSError, StopIteration, ValueError) as error:
        raise RunError(
            f"{path} should say which images a run used, with the columns {', '.join(COLUMNS)}, "
            f"but cannot be read so: {error}."
        ) from error


def found_again(used: tuple[UsedImage, ...], splits: Splits) -> dict[str, np.ndarray] | None:
    """Find images of a run in what its source gives now, by their content and class.

    Args:
        used: the images sought.
        splits: all that the source gives.

    Returns:
        int64 indices into each part for those that lie there, in the order of `used`; None when a
        image is no longer there.
    """
    wanted = [(image.digest, image.class_name) for image in used]
    places: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for part, images in splits.parts.items():
        joined = images.digests.tobytes().hex()
        width = len(joined) // len(images)
        for index, label in enumerate(images.labels.tolist()):
            key = joined[index * width : (index + 1) * width], images.class_names[label]
            places.setdefault(key, []).append((part, index))
    found: dict[str, list[int]] = {part: [] for part in splits.parts}
    for key, image in zip(wanted, used, strict=True):
        candidates = places.get(key)
        if not candidates:
            return None
        # Of images that are alike the one in its old place, so that each is taken once.
        own = (image.part, image.index)
        part, index = own if own in candidates else candidates[0]
        found[part].append(index)
    return {part: np.array(indices, dtype=np.int64) for part, indices in found.items()}
