"""`Examined`: the images of all parts in one row, with what several checks want to know of them.

An image's *number* counts through all parts; its *role* says what a training does with it, which
differs from the part it lies in where validation images are taken from the training part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clearsight.data.health.finding import MOST_EXAMPLES, Example, ImageReference
from clearsight.data.health.joined_images import JoinedImages
from clearsight.data.health.similar_pairs import (
    MOST_IMAGES,
    NO_PAIRS,
    SimilarPairs,
    similar_pairs,
)
from clearsight.data.health.statistics import Statistics, statistics_of
from clearsight.data.splits.splits import Splits

ROLES = ("train", "validation", "test")
KIND_OF_ROLE = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, eq=False)
class Examined:
    """Images as the checks see them.

    Attributes:
        splits: the parts.
        validation: int64, which training images will validate, where that is known and the
            source brings no validation images of its own.
        searches_near_duplicates: whether images may be compared with each other; takes seconds.
    """

    splits: Splits
    validation: np.ndarray | None = None
    searches_near_duplicates: bool = True

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def images(self) -> JoinedImages:
        """All images: uint8 (N, H, W, C)."""
        return JoinedImages(tuple(self.splits.parts.values()))

    @cached_property
    def labels(self) -> np.ndarray:
        """All labels: int64 (N,)."""
        return np.concatenate([images.labels for images in self.splits.parts.values()])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label k means ``class_names[k]``."""
        return self.splits.train.class_names

    @cached_property
    def roles(self) -> np.ndarray:
        """What a training does with each image: int64 (N,), places in `ROLES`."""
        roles = [
            np.full(len(images), ROLES.index(part)) for part, images in self.splits.parts.items()
        ]
        if self.validation is not None and self.splits.validation is None:
            roles[0][self.validation] = ROLES.index("validation")
        return np.concatenate(roles)

    @cached_property
    def role_counts(self) -> dict[str, np.ndarray]:
        """How many images of each class each role has that has any: int64 (K,)."""
        counts = {
            role: np.bincount(self.labels[self.roles == number], minlength=len(self.class_names))
            for number, role in enumerate(ROLES)
        }
        return {role: count for role, count in counts.items() if count.sum()}

    @cached_property
    def contents(self) -> np.ndarray:
        """A number for each image's content: int64 (N,), equal exactly when images are."""
        digests = [images.digests for images in self.splits.parts.values()]
        halves = np.ascontiguousarray(np.concatenate(digests)).view(np.uint64)
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        ordered = halves[order]
        is_new = np.concatenate([[False], (ordered[1:] != ordered[:-1]).any(axis=1)])
        contents = np.empty(len(halves), dtype=np.int64)
        contents[order] = np.cumsum(is_new)
        return contents

    @property
    def is_too_large_to_compare(self) -> bool:
        """Whether there are more images than near-duplicates are searched among."""
        return len(self) > MOST_IMAGES

    @cached_property
    def similar(self) -> SimilarPairs:
        """Pairs of near-duplicates, by number, each exactly equal group once; none if not searched.

        The pairs are those of the first image of each group.
        """
        if not self.searches_near_duplicates or self.is_too_large_to_compare:
            return NO_PAIRS
        _, firsts = np.unique(self.contents, return_index=True)
        return similar_pairs(self.images, np.sort(firsts))

    @cached_property
    def statistics(self) -> Statistics:
        """Brightness, contrast, sharpness and borders of every image."""
        return statistics_of(self.images)

    def reference(self, number: int) -> ImageReference:
        """Say where the image with this number lies, and what it is called."""
        index = int(number)
        for part, images in self.splits.parts.items():
            if index < len(images):
                return ImageReference(part, index, images.name_of(index))
            index -= len(images)
        raise IndexError(number)

    def class_of(self, number: int) -> str:
        """Return the name of an image's class."""
        return self.class_names[self.labels[number]]

    def examples(self, numbers: np.ndarray, caption: str = "") -> tuple[Example, ...]:
        """Return the first nine of some images, each captioned with its class and these words."""
        words = f", {caption}" if caption else ""
        return tuple(
            Example((self.reference(number),), f"{self.class_of(number)}{words}")
            for number in numbers[:MOST_EXAMPLES]
        )

    def pairs(self, first: np.ndarray, second: np.ndarray) -> tuple[Example, ...]:
        """Return the first nine of some pairs, each captioned with role and class."""
        return tuple(
            Example((self.reference(one), self.reference(other)), self._pair_caption(one, other))
            for one, other in zip(first[:MOST_EXAMPLES], second[:MOST_EXAMPLES], strict=True)
        )

    def _pair_caption(self, one: int, other: int) -> str:
        kinds = [KIND_OF_ROLE[ROLES[self.roles[number]]] for number in (one, other)]
        classes = [self.class_of(number) for number in (one, other)]
        where = f"both {kinds[0]}" if kinds[0] == kinds[1] else f"{kinds[0]} and {kinds[1]}"
        if classes[0] == classes[1]:
            return f"{classes[0]}, {where}"
        return f"{classes[0]} ({kinds[0]}) and {classes[1]} ({kinds[1]})"
