"""`ImageSet`: images with their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from clearsight.data.arrays.checks import (
    channel_axis_mistakes,
    check_indices,
    column_mistakes,
    integer_label_mistakes,
    pixel_type_mistakes,
    texts,
    to_array,
)
from clearsight.display.html import Html, element, joined, output
from clearsight.display.image_grid import labelled_grid
from clearsight.errors import DataError
from clearsight.io.argument_checks import check_count
from clearsight.io.displayed_text import displayed

_MAX_CLASSES = 30  # counted in a notebook
DIGEST_BYTES = 16  # of BLAKE2b: a collision is improbable among billions of images


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels, checked once and read-only.

    Writable arrays are copied, so that later changes to them do not reach the set.

    Attributes:
        images: uint8 (N, H, W, C), 0..255, C is 1, 3 or 4.
        labels: int64 (N,), 0..K-1.
        class_names: K names; label k means ``class_names[k]``.
        provenance: where the images came from, in words.
        names: N names of the images for messages and tables, or None to use their indices.
        groups: N names of the group (a patient, a product) that each image belongs to, or None.
        original_sizes: int32 (N, 2), height and width before the images were resized, or None if
            they were not.

    Args:
        known_digests: `digests`, and
        known_value_range: `value_range`, if they are known: then images that are mapped from a
            file need not be read for them.

    Raises:
        DataError: when shapes, types, counts or label values do not fit; the message lists all
            mistakes.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((2, 28, 28, 1), dtype="uint8")
        >>> ImageSet(images, np.array([0, 1]), ("shirt", "bag"))
        ImageSet(2 images 28x28x1, 2 classes, from arrays)
        >>> x, y = ImageSet(images, np.array([0, 1]), ("shirt", "bag"))
        >>> x.shape, y.shape
        ((2, 28, 28, 1), (2,))
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    provenance: str = "arrays"
    names: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    original_sizes: np.ndarray | None = None
    known_digests: InitVar[np.ndarray | None] = None
    known_value_range: InitVar[tuple[int, int] | None] = None

    def __post_init__(
        self, known_digests: np.ndarray | None, known_value_range: tuple[int, int] | None
    ) -> None:
        images, labels = to_array(self.images, "images"), to_array(self.labels, "labels")
        names = texts(self.class_names, "class_names")
        columns = {
            name: None if (given := getattr(self, name)) is None else read(given, name)
            for name, read in (("names", texts), ("groups", texts), ("original_sizes", to_array))
        }
        mistakes = channel_axis_mistakes(images.shape) + pixel_type_mistakes(images)
        mistakes += integer_label_mistakes(labels, len(images) if images.ndim else 0, len(names))
        if len(set(names)) < len(names):
            mistakes.append("class_names should be different from each other, but some repeat.")
        if len(names) < 2:
            mistakes.append(f"There should be at least 2 classes, but there are {len(names)}.")
        if not images.size:
            mistakes.append("There should be at least one image, but there is none.")
        mistakes += column_mistakes(columns, len(images) if images.ndim else 0)
        if mistakes:
            raise DataError(" ".join(mistakes))
        attributes = {
            "images": _read_only(images),
            "labels": _read_only(labels.astype(np.int64, copy=False)),
            "class_names": names,
            **columns,
            "digests": known_digests,
            "value_range": known_value_range,
        }
        for name, value in attributes.items():
            if value is not None:
                object.__setattr__(self, name, value)

    @classmethod
    def from_arrays(
        cls, images: np.ndarray, labels: np.ndarray, class_names: Sequence[str] | None = None
    ) -> ImageSet:
        """Make a set from arrays as in the class; the classes are called "0", "1", ... by default.

        Raises:
            DataError: as the class itself.
        """
        if class_names is None:
            labels = np.asarray(labels)
            is_countable = np.issubdtype(labels.dtype, np.integer) and labels.size
            highest = int(labels.max()) if is_countable else 1
            class_names = [str(number) for number in range(max(highest + 1, 2))]
        return cls(images, labels, texts(class_names, "class_names"))

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Iterate over `images` and `labels`, so that a set unpacks as Keras's pairs do."""
        return iter((self.images, self.labels))

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.image_shape)
        return (
            f"ImageSet({len(self):,} images {shape}, {self.num_classes} classes, "
            f"from {displayed(self.provenance)})"
        )

    def _repr_html_(self) -> str:
        return output(element("p", repr(self).partition("(")[2][:-1]), self.markup)

    @property
    def markup(self) -> Html:
        """Images of each class and how many there are of it, for a notebook."""
        grid = labelled_grid(self.images, self.labels, self.class_names, self.name_of)
        counts = zip(self.class_names, self.class_counts.tolist(), strict=True)
        shown = [f"{name} ({count:,})" for name, count in islice(counts, _MAX_CLASSES)]
        hidden = self.num_classes - len(shown)
        more = [f"{hidden:,} more"] if hidden else []
        sizes = f"Images of each class: {', '.join([*shown, *more])}."
        return joined((grid, element("p", sizes, class_="faint")))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """The number of classes, those without images included."""
        return len(self.class_names)

    @property
    def class_counts(self) -> np.ndarray:
        """The number of images of each class: int64 (K,)."""
        return np.bincount(self.labels, minlength=self.num_classes)

    @cached_property
    def digests(self) -> np.ndarray:
        """BLAKE2b of each image's pixels: uint8 (N, 16); equal rows mean equal images."""
        return image_digests(self.images)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of images, labels, groups, shape and class names."""
        digest = hashlib.sha256(repr((self.images.shape, self.class_names)).encode())
        digest.update(self.digests.tobytes())
        digest.update(np.ascontiguousarray(self.labels).data)
        if self.groups is not None:
            digest.update("\0".join(self.groups).encode(errors="surrogateescape"))
        return digest.hexdigest()

    @cached_property
    def value_range(self) -> tuple[int, int]:
        """The lowest and the highest pixel value."""
        return int(self.images.min()), int(self.images.max())

    def name_of(self, index: int) -> str:
        """Return the name of the image at `index`, or "image INDEX" if it has none."""
        return self.names[index] if self.names is not None else f"image {index}"

    def summary(self) -> dict[str, Any]:
        """Return counts, shape, value range, provenance and fingerprint as JSON-ready values."""
        counts = self.class_counts.tolist()
        return {
            "num_images": len(self),
            "image_shape": list(self.image_shape),
            "lowest_value": self.value_range[0],
            "highest_value": self.value_range[1],
            "class_counts": dict(zip(self.class_names, counts, strict=True)),
            "provenance": self.provenance,
            "sha256": self.fingerprint,
        }

    def first(self, count: int | None) -> ImageSet:
        """Return the first `count` images, or all if `count` is None or there are fewer.

        Raises:
            RequestError: when `count` is no whole number of at least 1.
        """
        count = None if count is None else check_count(count, "count", 1)
        if count is None or count >= len(self):
            return self
        first = self.take(slice(count))
        return replace(first, provenance=f"{self.provenance}, first {count:,}")

    def take(self, indices: np.ndarray | slice) -> ImageSet:
        """Return the images at `indices` (integers or a slice) in that order.

        Raises:
            DataError: when they are something else, or there are no such images.
        """
        indices = check_indices(indices, len(self))

        def taken(column: tuple[str, ...] | None) -> tuple[str, ...] | None:
            if column is None:
                return None
            if isinstance(indices, slice):
                return column[indices]
            return tuple(column[index] for index in indices)

        return replace(
            self,
            images=self.images[indices],
            labels=self.labels[indices],
            names=taken(self.names),
            groups=taken(self.groups),
            original_sizes=None if self.original_sizes is None else self.original_sizes[indices],
            known_digests=self.digests[indices] if "digests" in vars(self) else None,
        )

    def with_classes(self, class_names: tuple[str, ...], whose: str = "the classes") -> ImageSet:
        """Return the same images with their labels encoded by another list of classes.

        Messages call that list `whose`.

        Raises:
            DataError: when a class that occurs is not in that list.
        """
        class_names = texts(class_names, "class_names")
        if class_names == self.class_names:
            return self
        occurring = [self.class_names[label] for label in np.flatnonzero(self.class_counts)]
        unknown = [name for name in occurring if name not in class_names]
        if unknown:
            raise DataError(
                f"The images should have {whose} {', '.join(class_names)}, but "
                f"{self.provenance} has {', '.join(unknown)}."
            )
        new_label = {name: label for label, name in enumerate(class_names)}
        table = np.array([new_label.get(name, -1) for name in self.class_names])
        return self.with_labels(table[self.labels], class_names)

    def with_labels(
        self, labels: np.ndarray, class_names: tuple[str, ...] | None = None
    ) -> ImageSet:
        """Return the same images with other labels, integers (N,), and perhaps other classes."""
        return replace(
            self,
            labels=labels,
            class_names=class_names or self.class_names,
            known_digests=vars(self).get("digests"),
            known_value_range=vars(self).get("value_range"),
        )


def image_digests(images: np.ndarray) -> np.ndarray:
    """Return BLAKE2b of each image's pixels: uint8 (N, H, W, C) to uint8 (N, 16)."""
    digests = b"".join(
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=DIGEST_BYTES).digest()
        for image in images
    )
    return np.frombuffer(digests, dtype=np.uint8).reshape(len(images), DIGEST_BYTES)


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return the array itself if it is read-only, else a read-only copy."""
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array
